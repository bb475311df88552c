package logs

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/remote"
	"scaleup/internal/spec"
)

func TestAsk(t *testing.T) {
	for _, test := range []struct {
		name  string
		role  spec.Role
		names []string
		want  remote.LogAsk
		has   bool
	}{
		{"all of a web server", spec.Web, nil, remote.LogAsk{Nginx: true}, true},
		{"all of a database server", spec.Database, nil, remote.LogAsk{}, true},
		{"one", spec.Web, []string{"nginx"}, remote.LogAsk{Nginx: true, Units: []string{"nginx.service"}}, true},
		{"another of a web server", spec.Web, []string{"ssh"}, remote.LogAsk{Units: []string{"ssh.service"}}, true},
		{"two, one of them elsewhere", spec.Database, []string{"guard", "app"}, remote.LogAsk{Units: []string{"scaleup-guard.service"}}, true},
		{"elsewhere", spec.Database, []string{"app"}, remote.LogAsk{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, has := Ask(test.role, test.names)
			if diff := cmp.Diff(test.want, got); diff != "" || has != test.has {
				t.Errorf("has %v, want %v; %s", has, test.has, diff)
			}
		})
	}
}

func TestComponentOf(t *testing.T) {
	for want, e := range map[string]remote.LogEntry{
		"app":         {Unit: "app@b.service", Identifier: "foobar"},
		"lb-agent":    {Unit: "scaleup-lb-agent.service", Identifier: "scaleup"},
		"dbus-daemon": {Unit: "dbus.service", Identifier: "dbus-daemon"},
		"odd":         {Unit: "odd.service"},
		"-":           {},
	} {
		if got := ComponentOf(e); got != want {
			t.Errorf("%+v is of %q, want %q", e, got, want)
		}
	}
}
