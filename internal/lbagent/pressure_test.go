package lbagent

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestParsePressure(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"some avg10=51.77 avg60=58.89 avg300=51.73 total=13913171330\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n": 13913171330 * time.Microsecond,
		"some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n":                                                              0,
		"":                                -1,
		"full avg10=0.00 total=5\n":       -1,
		"some avg10=0.00 total=many\n":    -1,
		"some avg10=0.00 avg300=0.00 5\n": -1,
	} {
		if got, err := parsePressure(text); got != max(0, want) || (err != nil) != (want < 0) {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

func TestWaited(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cpu")
	if _, err := waited(file); err == nil {
		t.Error("a kernel without the file tells a time")
	}
	if err := os.WriteFile(file, []byte("some avg10=0.00 avg60=0.00 avg300=0.00 total=1500\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := waited(file); err != nil || got != 1500*time.Microsecond {
		t.Errorf("%s, %v", got, err)
	}
}

func TestStarved(t *testing.T) {
	const probe = 300 * time.Millisecond
	for waited, want := range map[time.Duration]bool{0: false, 239 * time.Millisecond: false, 240 * time.Millisecond: true, probe: true} {
		if got := starved(waited, probe); got != want {
			t.Errorf("%s of %s without a processor: %v, want %v", waited, probe, got, want)
		}
	}
}
