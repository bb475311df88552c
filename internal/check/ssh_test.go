package check

import (
	"net/netip"
	"testing"
)

func TestSSHFromAnywhere(t *testing.T) {
	if got := said(Plan(example(t, "ha.yaml")), openSSH); got != nil {
		t.Errorf("a lab: %q", got)
	}
	top := example(t, "servers.yaml")
	if got := said(Plan(top), openSSH); len(got) != 1 || got[0] != "info: SSH is allowed from everywhere (0.0.0.0/0)" {
		t.Errorf("real servers: %q", got)
	}
	top.Site.SSH.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if got := said(Plan(top), openSSH); got != nil {
		t.Errorf("from one network: %q", got)
	}
}
