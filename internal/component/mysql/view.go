package mysql

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"scaleup/internal/component"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// view is what the templates show.
type view struct {
	Server, Site, Binary, Helper string
	Reference, Container         bool
	Address                      netip.Addr
	ServerID                     uint32
	Port                         int
	GroupName, Seeds             string
	Members                      int

	User, DataDir, RuntimeDir, Socket  string
	Config, CA, Cert, Key              string
	GuardUser, GuardConfig, GuardState string
	GuardRuntime, ReplicationPassword  string

	sizes
}

// What may stand in the configuration unquoted; the last door before a file that
// could be misread.
var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	pathForm = regexp.MustCompile(`^/[A-Za-z0-9._/-]+$`)
)

func newView(in component.Input) (view, error) {
	t := in.Topology
	switch {
	case !nameForm.MatchString(in.Server.Name) || !nameForm.MatchString(t.Site.Name):
		return view{}, fmt.Errorf("%q of %q cannot stand in a configuration", in.Server.Name, t.Site.Name)
	case !uuidForm.MatchString(in.Secrets.GroupName):
		return view{}, fmt.Errorf("the name of the MySQL group, %q, is not a UUID in lower case", in.Secrets.GroupName)
	case !pathForm.MatchString(in.Binary):
		return view{}, fmt.Errorf("the path of scaleup on the server, %q, cannot stand in a unit file", in.Binary)
	}
	members := t.Addresses(spec.Database)
	seeds := make([]string, len(members))
	for i, a := range members {
		seeds[i] = netip.AddrPortFrom(a, topology.PortMySQL).String()
	}
	// Unique among IPv4 addresses, and the same again after the server was rebuilt.
	bytes := in.Server.Address.As4()
	return view{
		Server: in.Server.Name, Site: t.Site.Name, Binary: in.Binary, Helper: helperPath,
		Reference: in.Facts.Reference, Container: in.Facts.Container,
		Address: in.Server.Address, ServerID: binary.BigEndian.Uint32(bytes[:]), Port: topology.PortMySQL,
		GroupName: in.Secrets.GroupName, Seeds: strings.Join(seeds, ","), Members: len(members),
		User: user, DataDir: dataDir, RuntimeDir: runtimeDir, Socket: socket,
		Config: configPath, CA: caPath, Cert: certPath, Key: keyPath,
		GuardUser: guardUser, GuardConfig: guardConfigPath, GuardState: guardState,
		GuardRuntime: guardRuntime, ReplicationPassword: replicationPasswordPath,
		sizes: sizesFor(in.Facts),
	}, nil
}
