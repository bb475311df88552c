package haproxy

import "fmt"

// limits are how many connections HAProxy takes, in all and per frontend. The
// frontends' sum stays below the total: when the public ones are full, the
// internal ones still accept.
type limits struct {
	Files                              uint64 // open files, LimitNOFILE
	Total                              int    // global maxconn
	HTTP, HTTPS, App, MySQL, MySQLRead int
	// Buffer is the size of a connection's buffers in bytes, 0 for HAProxy's own 16 KiB.
	Buffer int
}

// What the limits are derived from.
const (
	filesReserve      = 1000      // listeners, pollers, the journal, peers, admin connections, idle connections to servers
	filesPerServer    = 2         // a running check and its successor
	memoryPerConn     = 100 << 10 // both buffers, the TLS state and the kernel's socket buffers
	largeBuffer       = 128 << 10 // holds a whole file of 100 KiB: see the template
	maxConnections    = 100_000   // beyond this, more load balancers serve better than more connections
	minConnections    = 500
	publicHTTPPercent = 5
	publicTLSPercent  = 45
	appPercent        = 24
	mysqlPercent      = 12 // of each, writes and reads
)

// deriveLimits sizes HAProxy for the files a service may open, half the
// server's memory, and the number of servers it checks.
func deriveLimits(openFiles uint64, memory int64, servers int) (limits, error) {
	reserve := filesReserve + filesPerServer*uint64(servers)
	if openFiles < reserve+2*minConnections {
		return limits{}, fmt.Errorf("the server lets a service open %d files, HAProxy needs at least %d; raise its hard limit (fs.nr_open, or the limits of the container)",
			openFiles, reserve+2*minConnections)
	}
	total := min(maxConnections, (openFiles-reserve)/2)
	if byMemory := uint64(max(memory, 0)) / 2 / memoryPerConn; byMemory < total {
		total = max(byMemory, minConnections)
	}
	total -= total % 100
	part := func(percent int) int { return int(total) * percent / 100 }
	buffer := 0
	if total*(memoryPerConn+2*largeBuffer) <= uint64(max(memory, 0))/2 {
		buffer = largeBuffer
	}
	return limits{
		Buffer: buffer,
		Files:  2*total + reserve, Total: int(total),
		HTTP: part(publicHTTPPercent), HTTPS: part(publicTLSPercent),
		App: part(appPercent), MySQL: part(mysqlPercent), MySQLRead: part(mysqlPercent),
	}, nil
}

// cacheMiB sizes each cache of immutable files: a hundred-and-twenty-eighth of
// the memory, 16 to 64 MiB. A site's style sheets, scripts and pictures rarely
// need more.
func cacheMiB(memory int64) int64 { return min(max(memory/128>>20, 16), 64) }
