package doctor

import (
	"errors"
	"strings"
	"testing"
	"time"

	"scaleup/internal/facts"
	"scaleup/internal/inspect"
	"scaleup/internal/kernel"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

const siteFile = `site: www.foobar.com
lab: {name: ha, subnet: 10.77.0.0/24}
servers:
  lb1:  {role: loadbalancer}
  lb2:  {role: loadbalancer}
  web1: {role: web}
  web2: {role: web}
  app1: {role: app}
  app2: {role: app}
  db1:  {role: database}
  db2:  {role: database}
  db3:  {role: database}
web: {static: ` + folder + `}
app: {release: ` + folder + `, command: [/usr/bin/app]}
database: {name: foobar}
`

// folder is one with files in it: what a site ships is not what is tested here.
const folder = "."

func site(t *testing.T) *topology.Topology {
	t.Helper()
	s, err := spec.Parse([]byte(siteFile), "site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	topo, err := topology.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return topo
}

// good is a server with nothing to complain of.
func good(t *testing.T, topo *topology.Topology, name string) Server {
	t.Helper()
	s, err := topo.Server(name)
	if err != nil {
		t.Fatal(err)
	}
	f := facts.ReferenceFor(name, s.Address.String())
	p := &remote.Preflight{Missing: map[string]string{}, Kernel: map[string]remote.Part{}, MTU: 1500}
	for _, part := range kernelOf(s) {
		p.Kernel[part] = remote.Part{Has: kernel.Yes}
	}
	return Server{Server: s, Response: remote.Response{Facts: &f, Preflight: p, Inspection: &inspect.Report{
		Synced: "yes",
		Memory: inspect.Memory{Total: 4 << 30, Available: 3 << 30},
		Disks:  []inspect.Disk{{Path: "/", Size: 40 << 30, Free: 30 << 30, Inodes: 1000, InodesFree: 900}},
	}}}
}

func TestServer(t *testing.T) {
	topo := site(t)
	for _, c := range []struct {
		name    string
		server  string
		change  func(*Server)
		id      string
		result  Result
		isFatal bool
	}{
		{"a system", "web1", func(*Server) {}, "os", Pass, false},
		{"another system", "web1", func(s *Server) { s.Response.Facts.OS = "fedora" }, "os", Fail, true},
		{"packages", "web1", func(*Server) {}, "packages", Pass, false},
		{"packages to be had", "web1", func(s *Server) { s.Response.Preflight.Missing["nginx-light"] = "1.26" }, "packages", Pass, false},
		{"packages that apt does not know", "web1", func(s *Server) { s.Response.Preflight.Missing["nginx-light"] = "" }, "packages", Warn, false},
		{"packages of another release", "db1", func(s *Server) { s.Response.Preflight.Missing["mysql-server-core"] = "" }, "packages", Pass, false},
		{"a packet filter", "web1", func(*Server) {}, "kernel-nf-tables", Pass, false},
		{"no packet filter", "web1", func(s *Server) {
			s.Response.Preflight.Kernel[remote.KernelFilter] = remote.Part{Has: kernel.No, Why: "not permitted"}
		}, "kernel-nf-tables", Fail, true},
		{"a kernel that does not tell", "web1", func(s *Server) {
			s.Response.Preflight.Kernel[remote.KernelTrack] = remote.Part{Has: kernel.Unknown}
		}, "kernel-nf-conntrack", Warn, false},
		{"foreign addresses", "lb1", func(s *Server) {
			s.Response.Preflight.Kernel[remote.KernelNonlocal] = remote.Part{Has: kernel.No}
		}, "kernel-ip-nonlocal-bind", Fail, true},
		{"the setting for foreign addresses", "lb1", func(s *Server) { nonlocal(s, Nonlocal.Want()) }, "sysctl", Pass, false},
		{"the setting was lost", "lb1", func(s *Server) { nonlocal(s, "net.ipv4.ip_nonlocal_bind=0") }, "sysctl", Fail, false},
		{"data", "db1", func(*Server) {}, "mysql-data", Pass, false},
		{"foreign data", "db1", func(s *Server) { s.Response.Preflight.Data = "not scaleup's" }, "mysql-data", Fail, true},
		{"something unread", "web1", func(s *Server) { s.Response.Preflight.Errors = map[string]string{"mtu": "gone"} }, "unread", Warn, false},
		{"nothing inspected", "web1", func(s *Server) { s.Response.Inspection = nil }, "unread", Warn, false},
		{"something uninspected", "web1", func(s *Server) { s.Response.Inspection.Errors = map[string]string{"disks": "gone"} }, "unread", Warn, false},
		{"room", "web1", func(*Server) {}, "disk", Pass, false},
		{"little room", "web1", func(s *Server) { s.Response.Inspection.Disks[0].Free = 1 << 30 }, "disk", Warn, false},
		{"no room", "web1", func(s *Server) { s.Response.Inspection.Disks[0].Free = 100 << 20 }, "disk", Fail, false},
		{"no room for packages", "web1", func(s *Server) {
			s.Response.Inspection.Disks[0].Free = 100 << 20
			s.Response.Preflight.Missing["nginx-light"] = "1.26"
		}, "disk", Fail, true},
		{"a small disk with room", "web1", func(s *Server) {
			s.Response.Inspection.Disks[0].Size, s.Response.Inspection.Disks[0].Free = 500<<20, 260<<20
		}, "disk", Pass, false},
		{"a disk that cannot be written", "web1", func(s *Server) { s.Response.Inspection.Disks[0].ReadOnly = true }, "disk", Fail, true},
		{"no inodes", "web1", func(s *Server) { s.Response.Inspection.Disks[0].InodesFree = 19 }, "disk", Fail, false},
		{"a disk without inodes", "web1", func(s *Server) {
			s.Response.Inspection.Disks[0].Inodes, s.Response.Inspection.Disks[0].InodesFree = 0, 0
		}, "disk", Pass, false},
		{"memory", "db1", func(*Server) {}, "memory", Pass, false},
		{"enough for a web server", "web1", func(s *Server) { s.Response.Inspection.Memory.Total = 480 << 20 }, "memory", Pass, false},
		{"too little for a database", "db1", func(s *Server) { s.Response.Inspection.Memory.Total = 480 << 20 }, "memory", Fail, false},
		{"memory that is used up", "web1", func(s *Server) { s.Response.Inspection.Memory.Available = 10 << 20 }, "memory", Warn, false},
		{"a clock", "web1", func(s *Server) { s.Ahead, s.Doubt = 900*time.Millisecond, 20*time.Millisecond }, "clock", Pass, false},
		{"a clock that may be right", "web1", func(s *Server) { s.Ahead, s.Doubt = 1200*time.Millisecond, 300*time.Millisecond }, "clock", Pass, false},
		{"a clock that is wrong", "web1", func(s *Server) { s.Ahead, s.Doubt = -2*time.Second, 300*time.Millisecond }, "clock", Fail, false},
		{"a clock that breaks certificates", "web1", func(s *Server) { s.Ahead = -2 * time.Hour }, "clock", Fail, true},
		{"a clock that nothing sets", "web1", func(s *Server) { s.Response.Inspection.Synced = "no" }, "clock", Warn, false},
	} {
		s := good(t, topo, c.server)
		c.change(&s)
		want(t, c.name, s.Checks(topo), c.id, c.result, c.isFatal)
	}
}

// nonlocal is a load balancer at work, with this setting.
func nonlocal(s *Server, state resource.State) {
	s.Response.Units = map[string]string{haproxyUnit: "running"}
	s.Response.States = map[string]resource.State{Nonlocal.ID(): state}
}

func TestGoodServers(t *testing.T) {
	topo := site(t)
	for _, s := range topo.Servers {
		for _, c := range good(t, topo, s.Name).Checks(topo) {
			if c.Result != Pass || c.Server != s.Name {
				t.Errorf("%+v", c)
			}
		}
	}
}

// A glance asks nothing that is slow: no lists of apt, no packets, no facts.
func TestQuestions(t *testing.T) {
	topo := site(t)
	for _, s := range topo.Servers {
		q := Glance(topo, s)
		if q.Facts || q.Preflight.Lists || q.Preflight.Echo != nil || q.Preflight.VRRP != nil || q.Preflight.Data != "" {
			t.Errorf("%s is asked at a glance: %+v, %+v", s.Name, q, q.Preflight)
		}
		if q = Question(topo, s); !q.Facts || q.Preflight.Lists || q.Preflight.Echo != nil || (q.Preflight.Data != "") != (s.Role == spec.Database) {
			t.Errorf("%s is asked: %+v, %+v", s.Name, q, q.Preflight)
		}
		if q = Slow(topo, s); !q.Preflight.Lists || len(q.Preflight.Echo) == 0 {
			t.Errorf("%s is asked slowly: %+v, %+v", s.Name, q, q.Preflight)
		}
	}
}

func TestAdd(t *testing.T) {
	topo := site(t)
	s := good(t, topo, "web1")
	s.Response.Preflight.Missing = map[string]string{"nginx-light": ""}
	s.Response.Preflight.Errors = map[string]string{"mtu": "gone"}
	s.Add(remote.Response{Preflight: &remote.Preflight{
		Missing: map[string]string{"nginx-light": "1.26"}, Paths: []remote.Path{{Small: true}}, Errors: map[string]string{"paths": "denied"},
	}}, nil)
	p := s.Response.Preflight
	if p.Missing["nginx-light"] != "1.26" || len(p.Paths) != 1 || len(p.Errors) != 2 || p.MTU != 1500 {
		t.Errorf("%+v", p)
	}
	s = good(t, topo, "web1")
	s.Response.Preflight.Missing = map[string]string{"nginx-light": ""}
	s.Add(remote.Response{}, errors.New("too slow"))
	if len(s.Response.Preflight.Missing) != 1 {
		t.Error("what was known before is lost")
	}
	want(t, "no answer", s.Checks(topo), "unread", Warn, false)
}

func TestFatal(t *testing.T) {
	checks := []Check{passed("a", "", "x"), failed("b", "", "y", "x"), fatal(failed("c", "", "y", "x")), fatal(warned("d", "", "y", "x"))}
	if got := Fatal(checks); len(got) != 1 || got[0].ID != "c" {
		t.Errorf("%+v", got)
	}
	if Count(checks, Pass) != 1 || Count(checks, Warn) != 1 || Count(checks, Fail) != 2 {
		t.Errorf("counts of %+v", checks)
	}
}

func TestClockWords(t *testing.T) {
	s := Server{Ahead: -1500 * time.Millisecond, Doubt: 10 * time.Millisecond}
	if c := s.clock(""); !strings.Contains(c.Message, "1.50 s behind") || !strings.Contains(c.Message, "0.01 s") {
		t.Error(c.Message)
	}
}
