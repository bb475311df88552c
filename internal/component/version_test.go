package component

import "testing"

func TestAtLeast(t *testing.T) {
	for _, c := range []struct {
		version, want string
		at            bool
	}{
		{"3.0.11", "2.8", true},
		{"2.6.12", "2.8", false},
		{"2.10", "2.9", true}, // numbers, not text
		{"2.8", "2.8", true},
		{"2.8", "2.8.0", true},
		{"2.8.0", "2.8.1", false},
		{"2.2.7", "2.3.2", false},
		{"2.3.3", "2.3.2", true},
		{"2.8-dev1", "2.8", true},
		{"10.1", "9", true},
		{"", "1", false},
		{"", "0", false},
		{"unknown", "1", false},
	} {
		if got := AtLeast(c.version, c.want); got != c.at {
			t.Errorf("AtLeast(%q, %q) = %v, want %v", c.version, c.want, got, c.at)
		}
	}
}
