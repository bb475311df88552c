package mysql

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"scaleup/internal/component"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// The paths of the guard on a database server.
const (
	guardConfigPath         = "/etc/scaleup/guard.json"
	guardUnitPath           = "/etc/systemd/system/" + GuardUnit
	guardState              = "scaleup-guard" // below /var/lib: outside MySQL's data, which a clone replaces
	guardRuntime            = "scaleup-guard" // below /run
	replicationPasswordPath = "/etc/scaleup/mysql-replication-password"

	// memberWait is how many seconds a member may take until it is ONLINE: it may have to clone.
	memberWait = 600
)

// guardConfig is the file of `scaleup guard`. Its form is guard.Config's, which
// components do not import; a test decodes the one with the other.
type guardConfig struct {
	Server                  string               `json:"server"`
	GroupName               string               `json:"group_name"`
	Initial                 string               `json:"initial"`
	Voters                  []voter              `json:"voters"`
	Recovered               *component.Recovered `json:"recovered,omitempty"`
	Socket                  string               `json:"socket"`
	MySQLUser               string               `json:"mysql_user"`
	MySQLPort               int                  `json:"mysql_port"`
	ReplicationUser         string               `json:"replication_user"`
	ReplicationPasswordFile string               `json:"replication_password_file"`
	Listen                  string               `json:"listen"`
	PeerListen              string               `json:"peer_listen"`
	Control                 string               `json:"control"`
	TLS                     guardTLS             `json:"tls"`
	StateDir                string               `json:"state_dir"`
}

type voter struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

type guardTLS struct {
	CA   string `json:"ca"`
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// guardConfigFor lists every database server as a voter; the first of them forms
// the group the first time.
func guardConfigFor(in component.Input) guardConfig {
	members := in.Topology.With(spec.Database)
	c := guardConfig{
		Server: in.Server.Name, GroupName: in.Secrets.GroupName, Initial: members[0].Name, Recovered: in.Secrets.Recovered,
		Socket: socket, MySQLUser: guardUser, MySQLPort: topology.PortMySQL,
		// systemd hands secrets over as files that only the unit can read.
		ReplicationUser: replicationAccount, ReplicationPasswordFile: "${CREDENTIALS_DIRECTORY}/replication-password",
		Listen:     netip.AddrPortFrom(in.Server.Address, topology.PortGuard).String(),
		PeerListen: netip.AddrPortFrom(in.Server.Address, topology.PortGuardPeer).String(),
		Control:    "/run/" + guardRuntime + "/guard.sock",
		TLS:        guardTLS{CA: caPath, Cert: certPath, Key: "${CREDENTIALS_DIRECTORY}/key"},
		StateDir:   "/var/lib/" + guardState,
	}
	for _, m := range members {
		c.Voters = append(c.Voters, voter{Name: m.Name, Address: m.Address.String()})
	}
	return c
}

func guardResources(in component.Input, v view) ([]resource.Spec, error) {
	config, err := json.MarshalIndent(guardConfigFor(in), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", guardConfigPath, err)
	}
	unit, err := render(guardUnitPath, "guard.service.tmpl", v)
	if err != nil {
		return nil, err
	}
	password := &resource.File{Path: replicationPasswordPath, Content: []byte(in.Secrets.MySQLReplication), Mode: 0o600, Secret: true}
	file := &resource.File{Path: guardConfigPath, Content: append(config, '\n'), Mode: 0o640, Group: guardUser}
	pair := in.Secrets.Servers[in.Server.Name]
	reads := resource.Reads(resource.OnChangeRestart, password, file, unit,
		&resource.File{Path: caPath, Content: in.Secrets.CA}, &resource.File{Path: certPath, Content: pair.Cert}, &resource.File{Path: keyPath, Content: pair.Key})
	return []resource.Spec{
		&resource.User{Name: guardUser},
		password, file, unit,
		resource.Recorder(GuardUnit, reads),
		// While the guard restarts, its member is nobody's primary: the primary moves away first.
		&resource.Unit{Name: GuardUnit, Running: true, Enabled: true, Reads: reads, Interrupts: resource.InterruptsOnRestart},
		&resource.Member{Server: in.Server.Name, Status: fmt.Sprintf("http://%s:%d/status", in.Server.Address, topology.PortGuard), Wait: memberWait},
	}, nil
}
