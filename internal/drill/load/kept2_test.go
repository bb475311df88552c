package load

import "testing"

func open2(t *testing.T, c *Client) *link2 {
	t.Helper()
	fresh, err := c.http2.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := c.kept2.add(fresh)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestKept2(t *testing.T) {
	s := newSite(t, shop())
	c := s.client(t)
	p := &c.kept2
	if p.take() != nil {
		t.Fatal("a connection out of nothing")
	}
	a := open2(t, c)
	if p.take() != nil {
		t.Error("a busy connection is shared though there may be another")
	}
	p.release(a, false)
	if p.take() != a {
		t.Error("an idle connection is not used")
	}
	b := open2(t, c)
	uses := map[*link2]int{}
	for range 10 {
		uses[p.take()]++
	}
	if uses[a] != 5 || uses[b] != 5 {
		t.Errorf("ten requests are spread %d to %d", uses[a], uses[b])
	}

	surplus := open2(t, c)
	p.release(surplus, false)
	if surplus.Err() == nil || len(p.links) != shared {
		t.Errorf("a third connection outlives its operation; %d are kept", len(p.links))
	}

	p.release(a, true) // suspect; five more are under way
	if a.Err() != nil || p.take() != nil {
		t.Error("a suspect connection is closed under those who use it, or used on")
	}
	for range 5 {
		p.release(a, true)
	}
	if a.Err() == nil {
		t.Error("a suspect connection outlives its last operation")
	}

	c.Close()
	for range 6 {
		if b.Err() != nil {
			t.Fatal("a connection is closed under those who use it")
		}
		p.release(b, false)
	}
	late := open2(t, c)
	p.release(late, false)
	s.awaitOpen(0)
}

// A connection that is full makes place for another.
func TestKept2Full(t *testing.T) {
	s := newSite(t, shop())
	c := s.client(t)
	p := &c.kept2
	hows["kept 2"].mustGet(t, c) // with the answer, the server's limit is known
	full := p.take()
	for full.Reserve() == nil {
	}
	b := open2(t, c)
	p.release(b, false)
	for range 3 { // in turn, one of them would be the full one's
		if p.take() != b {
			t.Fatal("a full connection is used")
		}
		p.release(b, false)
	}
	if len(p.links) != 1 || full.Err() != nil {
		t.Errorf("%d connections are kept, want 1; the full one has ended with %v", len(p.links), full.Err())
	}
	p.release(full, false)
	if full.Err() == nil {
		t.Error("the full connection outlives its last operation")
	}
	p.take() // b is busy, and there may be another
	hows["kept 2"].mustGet(t, c)
	if len(p.links) != shared || s.connections() != 3 {
		t.Errorf("%d connections are kept of %d, want 2 of 3", len(p.links), s.connections())
	}
}
