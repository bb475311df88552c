package spec

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sites compares sites; addresses and networks are comparable values.
var sites = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func TestParseDefaults(t *testing.T) {
	dir := newDir(t)
	file := filepath.Join(dir, "site.yaml")
	got, err := Parse([]byte(good), file)
	if err != nil {
		t.Fatal(err)
	}
	want := &Site{
		File: file, Dir: dir,
		Name: "www.foobar.com",
		Lab:  Lab{Name: "foobar-ha", Subnet: netip.MustParsePrefix("10.77.0.0/24")},
		Servers: []Server{
			{Name: "lb1", Role: LoadBalancer, Line: 4},
			{Name: "web1", Role: Web, Line: 5},
			{Name: "app1", Role: App, Line: 6},
			{Name: "db1", Role: Database, Line: 7},
		},
		SSH: SSH{User: "root", Port: 22, Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
		TLS: TLS{Internal: true},
		Web: WebTier{Static: filepath.Join(dir, "static")},
		App: AppTier{
			Release: filepath.Join(dir, "release"), Command: []string{"./server"},
			Health: "/healthz", Ready: "/readyz", Memory: 512 << 20,
		},
		Database: DatabaseTier{Name: "foobar", Packages: DebianSid},
		Drill:    Drill{Pages: []string{"/"}},
	}
	if diff := cmp.Diff(want, got, sites); diff != "" {
		t.Error(diff)
	}
}

// everything sets every key there is, in the styles that YAML offers.
const everything = `---
'site': "www.foobar.com"
lab:
  name: bare
  subnet: 172.16.0.0/16
servers:
  lb-a: {"role": "loadbalancer", address: 172.16.0.21}
  on:
    role: web      # a name like any other
    address: 172.16.0.31
  app1: {role: app,
    address: 172.16.0.41}
  db1: {role: database, address: 172.16.0.51}
vips:
  public: 172.16.9.1
  internal: 172.16.9.2
ssh: {user: admin, port: 2222, key: ~/keys/id, known_hosts: keys/known, allow: [10.0.0.0/8, 192.0.2.7/32]}
tls: {certificate: internal}
web: {static: ./static/}
app:
  release: ../` + "{dir}" + `/release
  command:
  - ./server
  - --mode=fast lane
  - ""
  migrate: [/usr/bin/env, "x"]
  health: /
  ready: /ready.txt
  env:
    DSN: ${mysql:user}@tcp(${mysql:host}:${mysql:port})/${mysql:database}
    EMPTY: ""
    BLOCK: |-
      one line
    PRICE: "$5"
  memory: 2G
database: {name: foobar_2, packages: installed}
objectives:
  null: {failed: 0}
  lb-holder-off:
    read_outage_ms: 400
    write_outage_ms: 500
    degraded_ms: 600
    recover_ms: 700
    failed: 8
    lost: 0
    duplicated: 0
drill:
  static:
    - /favicon.svg
  pages: [/, "/menu?section=on-tap&x="]
  api: [/api/menu]
  writes: orders
drills: allowed
...
`

func TestParseEverything(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	dir := newDir(t)
	text := []byte(strings.ReplaceAll(everything, "{dir}", filepath.Base(dir)))
	for name, text := range map[string][]byte{
		"as is": text, "Windows": []byte(strings.ReplaceAll(string(text), "\n", "\r\n")), "byte order mark": append([]byte(byteOrderMark), text...),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(text, filepath.Join(dir, "site.yaml"), now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wantEverything(dir), got, sites); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func wantEverything(dir string) *Site {
	ms := func(n int) *time.Duration { d := time.Duration(n) * time.Millisecond; return &d }
	count := func(n int) *int { return &n }
	return &Site{
		File: filepath.Join(dir, "site.yaml"), Dir: dir,
		Name: "www.foobar.com",
		Lab:  Lab{Name: "bare", Subnet: netip.MustParsePrefix("172.16.0.0/16")},
		Servers: []Server{
			{Name: "lb-a", Role: LoadBalancer, Address: netip.MustParseAddr("172.16.0.21"), Line: 7},
			{Name: "on", Role: Web, Address: netip.MustParseAddr("172.16.0.31"), Line: 8},
			{Name: "app1", Role: App, Address: netip.MustParseAddr("172.16.0.41"), Line: 11},
			{Name: "db1", Role: Database, Address: netip.MustParseAddr("172.16.0.51"), Line: 13},
		},
		VIPs: VIPs{Public: netip.MustParseAddr("172.16.9.1"), Internal: netip.MustParseAddr("172.16.9.2")},
		SSH: SSH{
			User: "admin", Port: 2222, Key: "/home/me/keys/id", KnownHosts: filepath.Join(dir, "keys/known"),
			Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")},
		},
		TLS: TLS{Internal: true},
		Web: WebTier{Static: filepath.Join(dir, "static")},
		App: AppTier{
			Release: filepath.Join(dir, "release"),
			Command: []string{"./server", "--mode=fast lane", ""},
			Migrate: []string{"/usr/bin/env", "x"},
			Health:  "/", Ready: "/ready.txt",
			Env: map[string]string{
				"DSN":   "${mysql:user}@tcp(${mysql:host}:${mysql:port})/${mysql:database}",
				"EMPTY": "", "BLOCK": "one line", "PRICE": "$5",
			},
			Memory: 2 << 30,
		},
		Database: DatabaseTier{Name: "foobar_2", Packages: Installed},
		Objectives: map[string]Objective{
			"null": {Failed: count(0)},
			"lb-holder-off": {
				ReadOutage: ms(400), WriteOutage: ms(500), Degraded: ms(600), Recover: ms(700),
				Failed: count(8), Lost: count(0), Duplicated: count(0),
			},
		},
		Drill: Drill{
			Static: []string{"/favicon.svg"}, Pages: []string{"/", "/menu?section=on-tap&x="}, API: []string{"/api/menu"}, Orders: true,
		},
		DrillsAllowed: true,
	}
}

func TestParseRemoteDefaults(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	got, err := Parse([]byte(goodRemote), filepath.Join(newDir(t), "site.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Lab != (Lab{}) {
		t.Errorf("got lab %v, want none", got.Lab)
	}
	if want := "/home/me/.ssh/id_ed25519"; got.SSH.Key != want {
		t.Errorf("got key %s, want %s", got.SSH.Key, want)
	}
	if want := "/home/me/.ssh/known_hosts"; got.SSH.KnownHosts != want {
		t.Errorf("got known hosts %s, want %s", got.SSH.KnownHosts, want)
	}
}

func TestRemoteWithoutHome(t *testing.T) {
	t.Setenv("HOME", "")
	file := filepath.Join(newDir(t), "site.yaml")
	if _, err := Parse([]byte(good), file); err != nil {
		t.Errorf("a lab needs no home folder: %v", err)
	}
	var problems Errors
	if _, err := Parse([]byte(goodRemote), file); !errors.As(err, &problems) {
		t.Errorf("got %v, want a problem", err)
	}
}

func TestParseLabDefaults(t *testing.T) {
	text := strings.ReplaceAll(good, "lab: {name: foobar-ha, subnet: 10.77.0.0/24}\n", "")
	got, err := Parse([]byte(text), filepath.Join(newDir(t), "site.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Lab{Name: "scaleup", Subnet: netip.MustParsePrefix("10.77.0.0/24")}); got.Lab != want {
		t.Errorf("got %v, want %v", got.Lab, want)
	}
}

func TestParseDrill(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Drill
	}{
		{"absent", "", Drill{Pages: []string{"/"}}},
		{"rows", "drill: {writes: rows}\n", Drill{Pages: []string{"/"}}},
		{"orders", "drill: {writes: orders}\n", Drill{Pages: []string{"/"}, Orders: true}},
		{"other paths", "drill: {api: [/v1/items]}\n", Drill{API: []string{"/v1/items"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse([]byte(good+c.text), filepath.Join(newDir(t), "site.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Drill); diff != "" || got.DrillsAllowed {
				t.Errorf("allowed: %t, drill (-want +got):\n%s", got.DrillsAllowed, diff)
			}
		})
	}
}

func TestLoadOfARelativePath(t *testing.T) {
	dir := newDir(t)
	write(t, filepath.Join(dir, "sites", "site.yaml"), 0o644, strings.ReplaceAll(strings.ReplaceAll(good, "static: static", "static: ../static"), "release: release", "release: ../release"))
	t.Chdir(dir)
	got, err := Load("sites/site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got.File != "sites/site.yaml" || got.Dir != filepath.Join(dir, "sites") || got.Web.Static != filepath.Join(dir, "static") {
		t.Errorf("got file %s, folder %s, static %s", got.File, got.Dir, got.Web.Static)
	}
}

// The examples are read as users do, in a copy of their folder beside what
// `make build` makes.
func TestExamples(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "foobar", "static", "site.css"), 0o644, "body {}")
	write(t, filepath.Join(dir, "foobar", "release", "foobar"), 0o755, "#!/bin/sh\n")
	state := filepath.Join(dir, "examples", ".scaleup", "foobar-bare")
	for _, c := range []struct {
		file   string
		lab    string
		counts [4]int // of each role
		first  string // address of the first server
		vip    string
		ssh    [3]string // user, key, known hosts
	}{
		{"ha.yaml", "foobar-ha 10.77.0.0/24", [4]int{2, 2, 2, 3}, "invalid IP", "invalid IP", [3]string{"root", "", ""}},
		{"seed.yaml", "foobar-seed 10.78.0.0/24", [4]int{2, 1, 1, 1}, "invalid IP", "invalid IP", [3]string{"root", "", ""}},
		{"servers.yaml", "foobar-bare 10.79.0.0/24", [4]int{2, 2, 2, 3}, "10.79.0.21", "10.79.0.10", [3]string{"admin", state + "/id_ed25519", state + "/known_hosts"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", "examples", c.file))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "examples", c.file)
			write(t, path, 0o644, string(text))
			s, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Lab.Name + " " + s.Lab.Subnet.String(); got != c.lab {
				t.Errorf("got lab %s, want %s", got, c.lab)
			}
			for i, role := range Roles {
				if got := len(s.With(role)); got != c.counts[i] {
					t.Errorf("got %d servers for %s, want %d", got, role, c.counts[i])
				}
			}
			if got := s.Servers[0].Address.String(); got != c.first {
				t.Errorf("got first address %s, want %s", got, c.first)
			}
			if got := s.VIPs.Public.String(); got != c.vip {
				t.Errorf("got public VIP %s, want %s", got, c.vip)
			}
			if got := [3]string{s.SSH.User, s.SSH.Key, s.SSH.KnownHosts}; got != c.ssh {
				t.Errorf("got SSH %v, want %v", got, c.ssh)
			}
		})
	}
}
