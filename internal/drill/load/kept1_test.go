package load

import (
	"testing"
	"time"
)

func open1(t *testing.T, c *Client) *link1 {
	t.Helper()
	l, err := c.http1.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &link1{link: l}
}

// Which connection is used next, and which one goes when there are too many.
func TestKept1(t *testing.T) {
	s := newSite(t, shop())
	c := s.client(t)
	var links []*link1
	for range idleMost + 1 {
		l := open1(t, c)
		links = append(links, l)
		c.kept1.put(l)
	}
	if links[0].Err() == nil || links[1].Err() != nil || len(c.kept1.idle) != idleMost {
		t.Errorf("%d connections are kept, want all but the one that has been idle longest", len(c.kept1.idle))
	}
	last := links[idleMost]
	if got := c.kept1.take(); got != last {
		t.Error("the connection used last is not used next")
	}
	c.kept1.put(last)
	links[3].idle = time.Now().Add(-idleLimit)
	for i := idleMost; i > 0; i-- {
		if i == 3 {
			continue
		}
		if got := c.kept1.take(); got != links[i] {
			t.Fatalf("connection %d does not come in its turn", i)
		}
	}
	if got := c.kept1.take(); got != nil || links[3].Err() == nil {
		t.Error("a connection that has been idle for too long is used, or still open")
	}
	for _, l := range links[1:] {
		c.kept1.put(l)
	}
	s.awaitOpen(idleMost - 1)
	c.Close()
	s.awaitOpen(0)
	late := open1(t, c)
	c.kept1.put(late)
	if late.Err() == nil {
		t.Error("a connection that comes back after the end stays open")
	}
}
