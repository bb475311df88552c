package nginx

import (
	"fmt"
	"net/netip"
	"path"
	"regexp"

	"scaleup/internal/component"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// view is what the templates show.
type view struct {
	Server, Site string
	Reference    bool
	Address      netip.Addr   // the server's own
	Balancers    []netip.Addr // who may say in a header where a request comes from
	Internal     netip.Addr   // the app tier, through the load balancers
	Tries        []int        // one element per attempt to connect to it
	Root         string       // folder of the static release
	Cache        string
	Port, App    int
	Files        uint64 // open files of one worker
	Connections  uint64 // connections of one worker
}

const (
	wantFiles = 65535 // Nginx opens two per proxied request, and keeps those of open_file_cache
	// A worker sets all its connections up at the start, 400 bytes each.
	wantConnections = 8192
	minFiles        = 1024
	// Attempts to reach the internal address while it moves, each 300 ms: more than a takeover lasts.
	connectTries = 5
)

// What may stand in the configuration unquoted. The site file is checked when it
// is read; this is the last door before a file that could be misread.
var (
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func newView(in component.Input) (view, error) {
	t := in.Topology
	if !nameForm.MatchString(in.Server.Name) || !nameForm.MatchString(t.Site.Name) {
		return view{}, fmt.Errorf("%q of %q cannot stand in a configuration", in.Server.Name, t.Site.Name)
	}
	if !digestForm.MatchString(in.Releases.Static) {
		return view{}, fmt.Errorf("%q is not the digest of a static release", in.Releases.Static)
	}
	if in.Facts.OpenFiles < minFiles {
		return view{}, fmt.Errorf("the server lets a service open %d files, Nginx needs at least %d; raise its hard limit", in.Facts.OpenFiles, minFiles)
	}
	files := min(wantFiles, in.Facts.OpenFiles)
	return view{
		Server: in.Server.Name, Site: t.Site.Name, Reference: in.Facts.Reference,
		Address: in.Server.Address, Balancers: t.Addresses(spec.LoadBalancer), Internal: t.Internal,
		Tries: make([]int, connectTries),
		Root:  path.Join(releasesDir, in.Releases.Static), Cache: cacheParent + "/pages",
		Port: topology.PortHTTP, App: topology.PortApp,
		Files: files, Connections: min(wantConnections, files/2),
	}, nil
}
