package mysql

import (
	"scaleup/internal/facts"
)

// sizes are the settings that depend on how large the server is. Sizes are MiB.
type sizes struct {
	BufferPool, RedoLog, MessageCache int64
	Workers                           int
	Files                             uint64
}

const (
	mib = 1 << 20
	// Connections, two files per cached table and the logs; mysqld makes do with fewer.
	wantFiles = 32768
	// The smallest cache of group messages that MySQL takes.
	minMessageCache = 128
)

// sizesFor gives the buffer pool half of the memory. The other half is for the
// connections, Group Replication's messages (a sixteenth), temporary tables, the
// guard and the page cache, which holds the binary logs that members read.
//
// In a container everything stays small: the memory seen there is the host's,
// which the other machines of a lab see, too.
func sizesFor(f facts.Facts) sizes {
	s := sizes{
		BufferPool: 128, RedoLog: 128, MessageCache: minMessageCache,
		Workers: min(max(f.CPUs, 4), 16), Files: min(wantFiles, f.OpenFiles),
	}
	if f.Container {
		return s
	}
	memory := f.Memory / mib
	s.BufferPool = max(memory/2, s.BufferPool)
	s.RedoLog = min(max(s.BufferPool/4, 256), 8192)
	s.MessageCache = min(max(memory/16, minMessageCache), 1024)
	return s
}
