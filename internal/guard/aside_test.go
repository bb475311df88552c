package guard

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A member that has what the group lacks is copied aside, once, and then cloned; not
// before it has seemed so for a while.
func TestDivergedMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		c.with(func(w *world) {
			w.crash("db3")
			w.detect()
			extra, err := ParseGTIDSet(gtids("777"))
			if err != nil {
				t.Error(err)
			}
			w.nodes["db3"].executed = w.nodes["db3"].executed.Union(extra)
			w.boot("db3")
		})
		time.Sleep(divergedLimit / 2)
		if n := c.calls.count("db3 set aside"); n != 0 {
			t.Errorf("set aside after %s", divergedLimit/2)
		}
		c.online(3, time.Minute)
		if n := c.calls.count("db3 set aside"); n != 1 {
			t.Errorf("set aside %d times, want once", n)
		}
		record := c.guard("db3").snapshot.Load().Record
		if !strings.HasPrefix(record.Aside, AsideDir+"/") || !strings.Contains(record.Aside, gtids("777")) {
			t.Errorf("the record says %q, want where the copy lies and what the group lacked", record.Aside)
		}
	})
}

func TestRoomFor(t *testing.T) {
	if err := roomFor("/proc", t.TempDir()); err != nil { // nothing is used there
		t.Error(err)
	}
	if err := roomFor(t.TempDir(), "/proc"); err == nil { // nothing is free there
		t.Error("a copy fits where nothing is free")
	}
	if err := roomFor(t.TempDir(), t.TempDir()+"/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
}
