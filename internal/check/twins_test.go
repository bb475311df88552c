package check

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func TestTwins(t *testing.T) {
	top := example(t, "ha.yaml")
	for _, c := range []provoked{
		{"all is well", func(world) {}, nil},
		{"a limit", func(w world) { w.edit(t, "lb2", haproxyConfig, "timeout client 30s", "timeout client 31s") },
			[]string{`warning lb2: haproxy.cfg differs from lb1's: line N is "timeout client 31s", there line N is "timeout client 30s"`}},
		{"a line more at the end", func(w world) { w.shown("web2").Configs[nginxConfig] += "\ninclude /tmp/more;\n" },
			[]string{`warning web2: nginx.conf differs from web1's: line N is "include /tmp/more;", there nothing`}},
		{"keepalived", func(w world) { w.edit(t, "lb2", keepalivedConfig, "    nopreempt\n", "") },
			[]string{`warning lb2: keepalived.conf differs from lb1's: line N is "interface eth0", there line N is "nopreempt"`}},
		{"the odd one of three is named, also when it is the first", func(w world) { w.edit(t, "db1", mysqlConfig, "sync_binlog                    = 1", "sync_binlog = 0") },
			[]string{`warning db1: my.cnf differs from db2's: line N is "sync_binlog = 0", there line N is "sync_binlog                    = 1"`}},
		{"a comment", func(w world) { w.edit(t, "lb2", haproxyConfig, "# Mozilla's", "# Not Mozilla's") }, nil},
		{"a file is gone", func(w world) { delete(w.shown("web2").Configs, nginxConfig) }, []string{"warning web2: /etc/nginx/nginx.conf is missing, and web1 has it"}},
		{"files could not be read", func(w world) {
			w.shown("web2").Configs, w.shown("web2").Errors["configs"] = nil, "no permission"
		}, nil},
		{"numbers, of servers of unlike size", func(w world) {
			w["db1"].Response.Facts.Memory *= 2
			w.edit(t, "db1", mysqlConfig, "= 2048M", "= 4096M")
		}, nil},
		{"words, of servers of unlike size", func(w world) {
			w["db1"].Response.Facts.Memory *= 2
			w.edit(t, "db1", mysqlConfig, "local_infile             = OFF", "local_infile = ON")
		}, []string{`warning db1: my.cnf differs from db2's: line N is "local_infile = ON", there line N is "local_infile             = OFF"`}},
	} {
		w := healthy(t, top)
		c.change(w)
		var got []string
		for _, message := range said(Running(w.look(top), fresh), twins) {
			got = append(got, lineNumber.ReplaceAllString(message, "line N"))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// The templates of configurations grow, and these tests need not follow.
var lineNumber = regexp.MustCompile(`line [0-9]+`)

func TestFirstDifference(t *testing.T) {
	read := func(text string) []line { return general(text, nil, false) }
	for _, c := range []struct{ a, b, want string }{
		{"x 1\n\n# why\n y  2", "# other\nx   1\ny 2", ""},
		{"x 1\n\n# why\ny 2", "x 1\ny 3", `line 4 is "y 2", line 2 is "y 3"`},
		{"x 1\ny 2", "x 1", `line 2 is "y 2", nothing`},
		{"priority 250\nrouter_id a", "priority 240\nrouter_id b", ""},
	} {
		got := ""
		if a, b, differ := firstDifference(read(c.a), read(c.b)); differ {
			got = a.String() + ", " + b.String()
		}
		if got != c.want {
			t.Errorf("%q and %q: %s, want %s", c.a, c.b, got, c.want)
		}
	}
}

// Three load balancers and seven members name each other in all their files.
func TestTwinsOfLargeTiers(t *testing.T) {
	top, err := topology.Build(componenttest.Site(3, 2, 2, 7))
	if err != nil {
		t.Fatal(err)
	}
	provoke(t, top, []kind{twins}, nil)
}

func TestGeneral(t *testing.T) {
	top, err := topology.Build(componenttest.Site(2, 1, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	const text = "peer lb1 10.77.0.21:10000 lb12 lb2-a 10.77.0.210 web1 # lb2"
	for unlike, want := range map[bool]string{
		false: "peer (name) (address):10000 lb12 lb2-a 10.77.0.210 web1 # (name)",
		true:  "peer (name) (address):(number) lb(number) lb(number)-a (number).(number).(number).(number) web(number) # (name)",
	} {
		if got := words(general(text+"\n# comment\n", top.With(spec.LoadBalancer), unlike)); got != want {
			t.Errorf("unlike %t: %q, want %q", unlike, got, want)
		}
	}
}
