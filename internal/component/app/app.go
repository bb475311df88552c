// Package app is the application servers: the user's program in one of two
// slots, its environment, its sandbox, and the migration before a release's
// first start. It renders what a slot is; apply decides which one runs.
package app

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"text/template"

	"scaleup/internal/component"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// MigrateUnit runs the release's migrate command.
const MigrateUnit = "app-migrate.service"

// The paths of the application on an app server.
const (
	user         = "app"
	home         = "/srv/app"
	releasesDir  = home + "/releases"
	slotsDir     = home + "/slots"
	migrateLink  = home + "/migrate"
	configDir    = "/etc/scaleup/app"
	passwordPath = configDir + "/mysql-password"
	caPath       = configDir + "/ca.pem"
	slotUnitPath = "/etc/systemd/system/app@.service"
	migratePath  = "/etc/systemd/system/" + MigrateUnit
	recordPath   = "/var/lib/scaleup/migrated"

	keep      = 3  // former releases kept for a rollback
	readyWait = 60 // seconds a slot may take until its ready path answers 200
)

// SlotUnit is the systemd unit of a slot.
func SlotUnit(s topology.Slot) string { return "app@" + string(s) + ".service" }

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").ParseFS(templateFiles, "templates/*.tmpl"))

// Component is the application.
type Component struct{}

var _ component.Component = Component{}

// Name implements component.Component.
func (Component) Name() string { return "app" }

// On implements component.Component.
func (Component) On(r spec.Role) bool { return r == spec.App }

// Packages implements component.Component: the release brings what it needs.
func (Component) Packages(*spec.Site) []resource.Packages { return nil }

// Resources implements component.Component. The slot that should run comes
// before the other one, which is stopped: one of them always serves.
func (Component) Resources(in component.Input) ([]resource.Spec, error) {
	b, err := newBuild(in)
	if err != nil {
		return nil, fmt.Errorf("render the application of %s: %w", in.Server.Name, err)
	}
	specs := []resource.Spec{&resource.User{Name: user, Home: home}}
	for _, dir := range []string{home, releasesDir, slotsDir, configDir} {
		specs = append(specs, &resource.Directory{Path: dir, Mode: 0o755})
	}
	specs = append(specs, &resource.Release{Path: b.target, Digest: in.Releases.App, Keep: keep})
	for _, f := range b.files {
		specs = append(specs, f)
	}
	if b.migrates {
		specs = append(specs, &resource.Migration{
			Digest: in.Releases.App, Unit: MigrateUnit, Record: recordPath, Link: migrateLink, Target: b.target,
		})
	}
	active := in.Active[in.Server.Name]
	if active != topology.SlotB {
		active = topology.SlotA
	}
	return append(specs, b.slot(active, true), b.slot(active.Other(), false)), nil
}

// build is the application on one server while it is rendered.
type build struct {
	in       component.Input
	target   string // release folder
	files    []*resource.File
	common   []*resource.File                 // what both slots read
	env      map[topology.Slot]*resource.File // what one slot reads
	migrates bool
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func newBuild(in component.Input) (*build, error) {
	if !digestForm.MatchString(in.Releases.App) {
		return nil, fmt.Errorf("%q is not the digest of a release", in.Releases.App)
	}
	if in.Secrets.MySQLApp == "" || len(in.Secrets.CA) == 0 {
		return nil, fmt.Errorf("the site's secrets lack the password of the application's MySQL account, or the CA")
	}
	b := &build{in: in, target: path.Join(releasesDir, in.Releases.App), env: map[topology.Slot]*resource.File{}}
	// One server migrates for all: the first, which a deploy reaches first, too.
	b.migrates = len(in.Topology.Site.App.Migrate) > 0 && in.Topology.With(spec.App)[0].Name == in.Server.Name
	return b, b.render()
}

func (b *build) render() error {
	v, err := newView(b.in)
	if err != nil {
		return err
	}
	unit, err := render(slotUnitPath, "slot.service.tmpl", v, 0o644)
	if err != nil {
		return err
	}
	b.common = []*resource.File{
		{Path: passwordPath, Content: []byte(b.in.Secrets.MySQLApp), Mode: 0o600, Secret: true},
		{Path: caPath, Content: b.in.Secrets.CA, Mode: 0o644},
		unit,
	}
	b.files = append(b.files, b.common...)
	for _, slot := range []topology.Slot{topology.SlotA, topology.SlotB} {
		if b.env[slot], err = b.environment(string(slot), slot.Port(), v); err != nil {
			return err
		}
		b.files = append(b.files, b.env[slot])
	}
	if !b.migrates {
		return nil
	}
	env, err := b.environment("migrate", 0, v)
	if err != nil {
		return err
	}
	unit, err = render(migratePath, "migrate.service.tmpl", v, 0o644)
	if err != nil {
		return err
	}
	b.files = append(b.files, env, unit)
	return nil
}

func (b *build) environment(name string, port int, v view) (*resource.File, error) {
	vars, secret, err := environment(b.in, port)
	if err != nil {
		return nil, err
	}
	v.Env = vars
	f, err := render(path.Join(configDir, name+".env"), "env.tmpl", v, 0o644)
	if err != nil {
		return nil, err
	}
	if secret {
		f.Mode, f.Secret = 0o600, true
	}
	return f, nil
}

// slot is one slot, running the release or stopped.
func (b *build) slot(slot topology.Slot, running bool) *resource.Slot {
	s := &resource.Slot{
		Server: b.in.Server.Name, Slot: string(slot), Unit: SlotUnit(slot), Link: path.Join(slotsDir, string(slot)),
		Ready: fmt.Sprintf("http://127.0.0.1:%d%s", slot.Port(), b.in.Topology.Site.App.Ready), Wait: readyWait,
	}
	if running {
		s.Target, s.Digest = b.target, b.digest(slot)
	}
	return s
}

// digest is of all a slot's program runs with: another password or environment
// variable goes through the slots like another release does.
func (b *build) digest(slot topology.Slot) string {
	var all bytes.Buffer
	fmt.Fprintln(&all, b.in.Releases.App)
	for _, f := range append(b.common[:len(b.common):len(b.common)], b.env[slot]) {
		fmt.Fprintln(&all, f.Path, resource.Digest(f.Content))
	}
	return resource.Digest(all.Bytes())
}

func render(path, name string, v view, mode fs.FileMode) (*resource.File, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, v); err != nil {
		return nil, fmt.Errorf("render %s: %w", path, err)
	}
	return &resource.File{Path: path, Content: b.Bytes(), Mode: mode}, nil
}
