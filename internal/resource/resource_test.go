package resource_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/resource"
)

// kinds is one filled-in example of every kind there is.
var kinds = map[string]resource.Spec{
	"file":      &resource.File{Path: "/etc/x", Content: []byte{0, 255, '\n'}, Mode: 0o640, Owner: "o", Group: "g", Secret: true, Validate: []string{"check", "{}"}},
	"directory": &resource.Directory{Path: "/srv", Mode: 0o750, Owner: "o", Group: "g"},
	"absent":    &resource.AbsentPath{Path: "/etc/x"},
	"link":      &resource.Link{Path: "/etc/x", Target: "y"},
	"packages":  &resource.Packages{Name: "nginx", Names: []string{"nginx-light"}, Release: "sid"},
	"user":      &resource.User{Name: "app", Home: "/srv", Groups: []string{"adm"}},
	"sysctls":   &resource.Sysctls{Values: map[string]string{"net.ipv4.ip_forward": "0"}},
	"unit": &resource.Unit{Name: "x.service", Running: true, Enabled: true, Interrupts: resource.InterruptsOnRestart,
		Reads: []resource.Read{{Path: "/etc/x", Digest: "d", OnChange: resource.OnChangeReload}}},
	"firewall":   &resource.Firewall{Path: "/etc/nftables.conf", Content: []byte("flush ruleset")},
	"release":    &resource.Release{Path: "/srv/app/releases/d", Digest: "d", Keep: 3},
	"slot":       &resource.Slot{Server: "app1", Slot: "a", Unit: "app@a.service", Link: "/srv/app/a", Target: "/srv/app/releases/d", Digest: "d", Ready: "http://127.0.0.1/readyz", Wait: 30},
	"migration":  &resource.Migration{Digest: "d", Unit: "m.service", Record: "/var/lib/m", Link: "/srv/app/m", Target: "/srv/app/releases/d"},
	"mysql-data": &resource.MySQLData{Path: "/var/lib/mysql", User: "mysql"},
	"mysql-accounts": &resource.MySQLAccounts{Socket: "/run/mysqld/mysqld.sock", Schema: "foobar",
		Accounts: []resource.Account{{User: "app", Host: "%", Password: "p", TLS: true, Grants: []string{"SELECT ON *.*"}}}},
	"member": &resource.Member{Server: "db1", Status: "http://127.0.0.1:8008/status", Wait: 60},
}

func TestWire(t *testing.T) {
	for kind, want := range kinds {
		data, err := json.Marshal(resource.Resource{Spec: want})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(data), `{"kind":"`+kind+`"`) {
			t.Errorf("%s travels as %s", kind, data)
		}
		var got resource.Resource
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Spec); diff != "" {
			t.Errorf("%s (-sent +received):\n%s", kind, diff)
		}
	}
}

func TestWireRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"unknown kind":  `{"kind":"teapot","spec":{}}`,
		"no kind":       `{}`,
		"spec of wrong": `{"kind":"file","spec":{"path":7}}`,
	} {
		var got resource.Resource
		if err := json.Unmarshal([]byte(data), &got); err == nil {
			t.Errorf("%s: accepted as %#v", name, got.Spec)
		}
	}
	if _, err := json.Marshal(resource.Resource{}); err == nil {
		t.Error("a resource without a spec was encoded")
	}
}

// States are printed in plans and stored in journals.
func TestStatesHoldNoSecrets(t *testing.T) {
	const password = "correct-horse-battery"
	for _, s := range []resource.Spec{
		&resource.File{Path: "/etc/x", Content: []byte(password), Secret: true},
		&resource.MySQLAccounts{Schema: "foobar", Accounts: []resource.Account{{User: "app", Host: "%", Password: password}}},
	} {
		if strings.Contains(string(s.Want()), password) || strings.Contains(s.ID(), password) {
			t.Errorf("%s shows its secret: %q", s.ID(), s.Want())
		}
	}
}
