package check

import (
	"testing"

	"scaleup/internal/inspect"
)

func TestDisks(t *testing.T) {
	const gb = 1 << 30
	disk := func(server string, d inspect.Disk) func(world) {
		return func(w world) { w.shown(server).Disks = append(w.shown(server).Disks, d) }
	}
	provoke(t, example(t, "ha.yaml"), []kind{diskSpace, diskInodes, diskReadOnly}, []provoked{
		{"just enough", disk("web1", inspect.Disk{Path: "/var/log", Size: 100 * gb, Free: 15 * gb}), nil},
		{"low", disk("web1", inspect.Disk{Path: "/var/log", Size: 100 * gb, Free: 14 * gb}), []string{"warning web1: 14 % (14.0 GB of 100.0 GB) of the disk of /var/log is free"}},
		{"nearly full", disk("web1", inspect.Disk{Path: "/var/log", Size: 100 * gb, Free: 4 * gb}), []string{"critical web1: 4 % (4.0 GB of 100.0 GB) of the disk of /var/log is free"}},
		{"too little for MySQL", disk("db1", inspect.Disk{Path: "/var/lib/mysql", Size: 2 * gb, Free: gb - 1}), []string{"warning db1: 50 % (1.0 GB of 2.0 GB) of the disk of /var/lib/mysql is free"}},
		{"little, but not MySQL's", disk("db1", inspect.Disk{Path: "/var/log", Size: 2 * gb, Free: gb - 1}), nil},
		{"no inodes", disk("web1", inspect.Disk{Path: "/var/log", Size: gb, Free: gb, Inodes: 1000, InodesFree: 20}), []string{"critical web1: 2 % of the inodes of the disk of /var/log are free"}},
		{"no bound of inodes", disk("web1", inspect.Disk{Path: "/var/log", Size: gb, Free: gb}), nil},
		{"read-only", disk("web1", inspect.Disk{Path: "/var/log", Size: gb, Free: gb, ReadOnly: true}), []string{"critical web1: the disk of /var/log is read-only"}},
	})
}

func TestDiskOf(t *testing.T) {
	for _, c := range []struct {
		paths []string
		want  int
	}{
		{nil, -1}, {[]string{"/var/log"}, -1}, {[]string{"/"}, 0}, {[]string{"/", "/var/lib", "/var/lib/mysqldump"}, 1}, {[]string{"/var/lib/mysql", "/"}, 0},
	} {
		var disks []inspect.Disk
		for _, p := range c.paths {
			disks = append(disks, inspect.Disk{Path: p})
		}
		if got := diskOf(disks, mysqlData); got != c.want {
			t.Errorf("%v: %d, want %d", c.paths, got, c.want)
		}
	}
}
