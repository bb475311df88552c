package logs

import (
	"container/heap"
	"time"
)

// Entry is one line of a log.
type Entry struct {
	Time      time.Time // by the server's clock
	Server    string
	Component string
	Priority  int // syslog's: 0 emergency to 7 debug
	Message   string
}

// Merge puts streams, each in the order of its time, into one. Of entries of the same
// time those of the earlier stream come first.
func Merge(streams ...[]Entry) []Entry {
	var h heads
	total := 0
	for i, s := range streams {
		if len(s) > 0 {
			h = append(h, head{s, i})
			total += len(s)
		}
	}
	heap.Init(&h)
	merged := make([]Entry, 0, total)
	for len(h) > 0 {
		first := &h[0]
		merged = append(merged, first.rest[0])
		if first.rest = first.rest[1:]; len(first.rest) > 0 {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	return merged
}

// head is what is left of a stream.
type head struct {
	rest []Entry
	rank int
}

// heads is a heap: the stream whose next entry is the earliest is on top.
type heads []head

func (h heads) Len() int      { return len(h) }
func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h heads) Less(i, j int) bool {
	if c := h[i].rest[0].Time.Compare(h[j].rest[0].Time); c != 0 {
		return c < 0
	}
	return h[i].rank < h[j].rank
}

// Push implements heap.Interface.
func (h *heads) Push(x any) { *h = append(*h, x.(head)) }

// Pop implements heap.Interface.
func (h *heads) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
