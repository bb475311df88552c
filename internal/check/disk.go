package check

import (
	"strings"

	"scaleup/internal/evidence"
	"scaleup/internal/inspect"
	"scaleup/internal/spec"
)

var (
	diskSpace = kind{
		id: "disk", drill: "database-disk-full",
		why: "a full disk stops MySQL's writes and every program's log, and systems do not always recover from it by themselves",
	}
	diskInodes   = kind{id: "disk-inodes", why: "without inodes no file can be made, however much space is free"}
	diskReadOnly = kind{id: "disk-read-only", why: "a kernel that mounts a disk read-only has met errors on it: nothing can be written, and the disk may be dying"}
)

// How much of a disk has to be free. mysqlLeast is for the disk of MySQL's data, which
// can grow by its binary logs, a gigabyte each.
const (
	diskLow    = 15 // percent
	diskLowest = 5  // percent
	mysqlLeast = 1 << 30
	mysqlData  = "/var/lib/mysql"
)

// disks looks at the head-room of every file system that was asked for.
func disks(l evidence.Look) []Finding {
	var found []Finding
	for _, s := range l.Topology.Servers {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		for i, d := range r.Disks {
			fix := "see what fills it: " + on(l.Topology, s.Name, "du -xh --max-depth=2 "+d.Path)
			data := s.Role == spec.Database && i == diskOf(r.Disks, mysqlData)
			if free := percent(d.Free, d.Size); free < diskLow || data && d.Free < mysqlLeast {
				found = append(found, diskSpace.found(emptiness(free), s.Name, fix, "%.0f %% (%s of %s) of the disk of %s is free", free, gigabytes(d.Free), gigabytes(d.Size), d.Path))
			}
			if free := percent(d.InodesFree, d.Inodes); free < diskLow {
				found = append(found, diskInodes.found(emptiness(free), s.Name, "see where the many files are: "+on(l.Topology, s.Name, "du -x --inodes --max-depth=2 "+d.Path),
					"%.0f %% of the inodes of the disk of %s are free", free, d.Path))
			}
			if d.ReadOnly {
				found = append(found, diskReadOnly.found(Critical, s.Name, "see the kernel's messages, then replace the disk or the server: "+on(l.Topology, s.Name, "dmesg --level=err,warn"),
					"the disk of %s is read-only", d.Path))
			}
		}
	}
	return found
}

func emptiness(free float64) Severity {
	if free < diskLowest {
		return Critical
	}
	return Warning
}

// diskOf is the index of the disk that holds a folder: the one with the longest path
// above it; -1 for none.
func diskOf(disks []inspect.Disk, folder string) int {
	best := -1
	for i, d := range disks {
		above := d.Path == folder || strings.HasPrefix(folder, strings.TrimSuffix(d.Path, "/")+"/")
		if above && (best < 0 || len(d.Path) > len(disks[best].Path)) {
			best = i
		}
	}
	return best
}
