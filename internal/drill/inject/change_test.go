package inject

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A change that is over is not taken back; one whose drill has died is.
func TestWatched(t *testing.T) {
	dir := t.TempDir()
	mended := filepath.Join(dir, "mended")
	noLab := func(Lab) (Machines, error) { t.Error("a lab was opened"); return nil, os.ErrInvalid }
	for _, died := range []bool{false, true} {
		var file string
		r := Reaper{StateDir: dir, Start: func(f string) error { file = f; return take(f) }}
		done, err := Watched(r, "change", time.Hour, []string{"touch", mended})
		if err != nil {
			t.Fatal(err)
		}
		if died {
			o, err := readOrder(file)
			if err != nil {
				t.Fatal(err)
			}
			o.Drill.Began++ // another process has its number now
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := o.write(file); err != nil {
				t.Fatal(err)
			}
		} else if err := done(); err != nil {
			t.Fatal(err)
		} else if err := done(); err != nil {
			t.Errorf("done twice: %v", err)
		}
		if _, err := os.Stat(file); died {
			if err := Reap(t.Context(), file, noLab, io.Discard, unread); err != nil {
				t.Fatal(err)
			}
		} else if err == nil {
			t.Error("the watch goes on")
		}
		if _, err := os.Stat(mended); (err == nil) != died {
			t.Errorf("died %v: mended %v", died, err == nil)
		}
	}
}
