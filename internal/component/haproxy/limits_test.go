package haproxy

import "testing"

// TestBuffer gives large buffers only where every connection could have them.
func TestBuffer(t *testing.T) {
	for _, c := range []struct {
		name      string
		openFiles uint64
		memory    int64
		want      int
	}{
		{"few connections, much memory", 20_000, 24 << 30, largeBuffer},
		{"many connections, little memory", 524_288, 4 << 30, 0},
		{"few connections, little memory", 20_000, 1 << 30, 0},
	} {
		l, err := deriveLimits(c.openFiles, c.memory, 9)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if l.Buffer != c.want {
			t.Errorf("%s: %d connections have buffers of %d bytes, want %d", c.name, l.Total, l.Buffer, c.want)
		}
	}
}
