// Package mysql is the database servers: MySQL as a member of a Group
// Replication group, and the guard that decides over its membership. It starts
// mysqld and the guard; no group is formed or joined from here.
package mysql

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"text/template"

	"scaleup/internal/component"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

// The units of a database server. Both unit files are scaleup's own:
// mysql-server-core brings none.
const (
	Unit      = "mysql.service"
	GuardUnit = "scaleup-guard.service"
)

// The paths of MySQL on a database server.
const (
	user       = "mysql"
	dataDir    = "/var/lib/mysql"
	asideDir   = "/var/lib/mysql-aside" // where the guard has a diverged member's data copied to
	runtimeDir = "mysqld"               // below /run
	socket     = "/run/" + runtimeDir + "/mysqld.sock"
	configPath = "/etc/mysql/my.cnf"
	tlsDir     = "/etc/mysql/tls"
	caPath     = tlsDir + "/ca.pem"
	certPath   = tlsDir + "/cert.pem"
	keyPath    = tlsDir + "/key.pem"
	unitPath   = "/etc/systemd/system/" + Unit
	// helperPath leads to the scaleup that helps MySQL's unit to start and to stop. The
	// unit names the link, so that another scaleup restarts the guard and not MySQL.
	helperPath = "/etc/scaleup/scaleup"
)

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").ParseFS(templateFiles, "templates/*.tmpl"))

// Component is MySQL and its guard.
type Component struct{}

var _ component.Component = Component{}

// Name implements component.Component.
func (Component) Name() string { return "mysql" }

// On implements component.Component.
func (Component) On(r spec.Role) bool { return r == spec.Database }

// Packages implements component.Component. Debian carries MySQL in unstable only.
// The core packages hold the programs and nothing that starts by itself.
func (Component) Packages(site *spec.Site) []resource.Packages {
	if site.Database.Packages != spec.DebianSid {
		return nil
	}
	return []resource.Packages{{Name: "mysql", Names: []string{"mysql-server-core", "mysql-client-core"}, Release: "sid"}}
}

// Resources implements component.Component.
func (c Component) Resources(in component.Input) ([]resource.Spec, error) {
	specs, err := c.resources(in)
	if err != nil {
		return nil, fmt.Errorf("render MySQL of %s: %w", in.Server.Name, err)
	}
	return specs, nil
}

func (c Component) resources(in component.Input) ([]resource.Spec, error) {
	if err := checkSecrets(in); err != nil {
		return nil, err
	}
	v, err := newView(in)
	if err != nil {
		return nil, err
	}
	files, err := mysqlFiles(in, v)
	if err != nil {
		return nil, err
	}
	reads := resource.Reads(resource.OnChangeRestart, files...)
	refill, err := refillFile(in)
	if err != nil {
		return nil, err
	}

	var specs []resource.Spec
	for _, p := range c.Packages(in.Topology.Site) {
		specs = append(specs, &p)
	}
	specs = append(specs,
		&resource.User{Name: user},
		&resource.Directory{Path: dataDir, Mode: 0o750, Owner: user, Group: user},
		&resource.Directory{Path: asideDir, Mode: 0o700, Owner: user, Group: user},
		&resource.Directory{Path: tlsDir, Mode: 0o755},
		&resource.Link{Path: helperPath, Target: in.Binary}, refill)
	for _, f := range files {
		specs = append(specs, f)
	}
	specs = append(specs,
		resource.Recorder(Unit, reads),
		&resource.MySQLData{Path: dataDir, User: user, Version: in.Facts.Version("mysql-server-core")},
		&resource.Unit{Name: Unit, Running: true, Enabled: true, Reads: reads, Interrupts: resource.InterruptsOnRestart},
		accounts(in))
	guard, err := guardResources(in, v)
	return append(specs, guard...), err
}

// mysqlFiles are the files mysqld reads, in the order they are written.
func mysqlFiles(in component.Input, v view) ([]*resource.File, error) {
	config, err := render(configPath, "my.cnf.tmpl", v)
	if err != nil {
		return nil, err
	}
	// mysqld takes the path only behind "=", hence the shell; the script is constant.
	config.Validate = []string{"/bin/sh", "-c", `exec mysqld --defaults-file="$1" --user=` + user + ` --validate-config`, "sh", "{}"}
	unit, err := render(unitPath, "mysql.service.tmpl", v)
	if err != nil {
		return nil, err
	}
	pair := in.Secrets.Servers[in.Server.Name]
	return []*resource.File{
		{Path: caPath, Content: in.Secrets.CA, Mode: 0o644},
		{Path: certPath, Content: pair.Cert, Mode: 0o644},
		{Path: keyPath, Content: pair.Key, Mode: 0o600, Owner: user, Group: user, Secret: true},
		config, unit,
	}, nil
}

// refillFile says what MySQL's unit does when the data is gone. mysqld does not read it,
// and the account in it has no password.
func refillFile(in component.Input) (*resource.File, error) {
	content, err := json.MarshalIndent(resource.Refill{
		Data:     resource.MySQLData{Path: dataDir, User: user},
		Accounts: resource.MySQLAccounts{Socket: socket, Schema: in.Topology.Site.Database.Name, Accounts: []resource.Account{guardAccount()}},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", resource.RefillPath, err)
	}
	return &resource.File{Path: resource.RefillPath, Content: append(content, '\n'), Mode: 0o644}, nil
}

// maxReplicationPassword is the longest password, in bytes, that START
// GROUP_REPLICATION and CHANGE REPLICATION SOURCE take.
const maxReplicationPassword = 32

func checkSecrets(in component.Input) error {
	s := in.Secrets
	pair := s.Servers[in.Server.Name]
	next, _ := passwords(s)
	switch {
	case len(s.CA) == 0 || len(pair.Cert) == 0 || len(pair.Key) == 0:
		return errors.New("the site's secrets lack the CA, or the server's certificate or key")
	case s.MySQLApp == "" || s.MySQLReplication == "" || s.MySQLDrill == "" || next.App == "" || next.Replication == "" || next.Drill == "":
		return errors.New("the site's secrets lack a password of MySQL")
	case max(len(s.MySQLReplication), len(next.Replication)) > maxReplicationPassword:
		return fmt.Errorf("a replication password has %d bytes, MySQL takes at most %d", max(len(s.MySQLReplication), len(next.Replication)), maxReplicationPassword)
	}
	return nil
}

func render(path, name string, v view) (*resource.File, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, v); err != nil {
		return nil, fmt.Errorf("render %s: %w", path, err)
	}
	return &resource.File{Path: path, Content: b.Bytes(), Mode: fs.FileMode(0o644)}, nil
}
