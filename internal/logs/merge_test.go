package logs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var base = time.Date(2026, 11, 27, 15, 0, 0, 0, time.UTC)

// at is an entry of a server so many milliseconds after three o'clock.
func at(server string, ms int) Entry {
	return Entry{Time: base.Add(time.Duration(ms) * time.Millisecond), Server: server}
}

// short names entries: server and milliseconds.
func short(entries []Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, fmt.Sprintf("%s%d", e.Server, e.Time.Sub(base).Milliseconds()))
	}
	return all
}

func TestMerge(t *testing.T) {
	for _, test := range []struct {
		name    string
		streams [][]Entry
		want    []string
	}{
		{"nothing", nil, nil},
		{"empty streams", [][]Entry{nil, {}}, nil},
		{"one", [][]Entry{{at("a", 1), at("a", 2)}}, []string{"a1", "a2"}},
		{"in turns", [][]Entry{{at("a", 1), at("a", 4)}, nil, {at("b", 2), at("b", 3), at("b", 9)}}, []string{"a1", "b2", "b3", "a4", "b9"}},
		{"equal times", [][]Entry{{at("a", 1), at("a", 1)}, {at("b", 1)}}, []string{"a1", "a1", "b1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, short(Merge(test.streams...))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever the streams are, merging them is sorting them stably.
func TestMergeIsASort(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		streams := make([][]Entry, random.IntN(9))
		for i := range streams {
			ms := 0
			for range random.IntN(40) {
				ms += random.IntN(3)
				streams[i] = append(streams[i], at(string(rune('a'+i)), ms))
			}
		}
		want := slices.Concat(streams...)
		slices.SortStableFunc(want, func(a, b Entry) int { return a.Time.Compare(b.Time) })
		if diff := cmp.Diff(short(want), short(Merge(streams...))); diff != "" {
			t.Fatal(diff)
		}
	}
}
