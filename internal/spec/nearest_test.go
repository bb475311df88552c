package spec

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"loadbalancer", "web", "app", "database"}
	for _, c := range []struct{ word, want string }{
		{"web", "web"},
		{"wbe", "web"},
		{"Web", "web"},
		{"webs", "web"},
		{"load-balancer", "loadbalancer"},
		{"databse", "database"},
		{"db", ""},
		{"", ""},
		{"cache", ""},
		{string(make([]byte, 1000)), ""},
	} {
		if got := nearest(c.word, known); got != c.want {
			t.Errorf("nearest(%q): got %q, want %q", c.word, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"abc", "abd", 1}, {"abc", "acb", 1}, {"abc", "bca", 2}, {"kitten", "sitting", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q): got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
