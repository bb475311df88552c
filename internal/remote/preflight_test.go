package remote_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/kernel"
	"scaleup/internal/remote"
)

const oneInstalled = "Package: nftables\nStatus: install ok installed\nVersion: 1.1\n"

func TestPreflightPackages(t *testing.T) {
	s, h := server(t)
	h.Write("/var/lib/dpkg/status", oneInstalled)
	ask := &remote.PreflightAsk{Packages: []string{"nftables", "haproxy", "mysql-server-core"}}
	// Without Lists apt is not asked: the test's host refuses what it was not told.
	p := s.Answer(t.Context(), remote.Request{Preflight: ask})
	if diff := cmp.Diff(map[string]string{"haproxy": "", "mysql-server-core": ""}, p.Preflight.Missing); diff != "" {
		t.Error(diff)
	}
	h.On(hosttest.Output("haproxy:\n  Installed: (none)\n  Candidate: 3.0.11-1\n"), "apt-cache", "policy", "haproxy", "mysql-server-core")
	ask.Lists = true
	p = s.Answer(t.Context(), remote.Request{Preflight: ask})
	if diff := cmp.Diff(map[string]string{"haproxy": "3.0.11-1", "mysql-server-core": ""}, p.Preflight.Missing); diff != "" {
		t.Error(diff)
	}
	if len(p.Preflight.Errors) > 0 {
		t.Errorf("errors: %v", p.Preflight.Errors)
	}
}

// What cannot be read is named, and the rest is answered.
func TestPreflightErrors(t *testing.T) {
	s, h := server(t)
	h.Write("/var/lib/mysql/ibdata1", "somebody's")
	p := s.Answer(t.Context(), remote.Request{Preflight: &remote.PreflightAsk{Packages: []string{"haproxy"}, Data: "/var/lib/mysql"}})
	if p.Error != "" || p.Preflight.Errors["missing"] == "" {
		t.Errorf("error %q, errors %v", p.Error, p.Preflight.Errors)
	}
	if !strings.Contains(p.Preflight.Data, "ibdata1") {
		t.Errorf("foreign data: %q", p.Preflight.Data)
	}
}

func TestPreflightKernel(t *testing.T) {
	s, h := server(t)
	h.Write("/proc/sys/kernel/osrelease", "6.12.1\n")
	h.Write("/lib/modules/6.12.1/modules.builtin", "")
	h.Write("/lib/modules/6.12.1/modules.dep", "kernel/net/netfilter/nf_tables.ko:\n")
	ask := &remote.PreflightAsk{Kernel: []string{remote.KernelFilter, remote.KernelTrack, remote.KernelNonlocal}}
	has := func() map[string]kernel.Has {
		got := map[string]kernel.Has{}
		for name, part := range s.Answer(t.Context(), remote.Request{Preflight: ask}).Preflight.Kernel {
			got[name] = part.Has
		}
		return got
	}
	if diff := cmp.Diff(map[string]kernel.Has{remote.KernelFilter: kernel.Yes, remote.KernelTrack: kernel.No, remote.KernelNonlocal: kernel.No}, has()); diff != "" {
		t.Error("by its lists: ", diff)
	}
	h.Write("/proc/sys/net/netfilter/nf_conntrack_max", "1")
	h.Write("/proc/sys/net/ipv4/ip_nonlocal_bind", "0")
	h.Write("/usr/sbin/nft", "")
	h.On(hosttest.Exit(1, "netlink: Operation not permitted"), "nft", "list", "tables")
	if diff := cmp.Diff(map[string]kernel.Has{remote.KernelFilter: kernel.No, remote.KernelTrack: kernel.Yes, remote.KernelNonlocal: kernel.Yes}, has()); diff != "" {
		t.Error("by its settings and nft's word: ", diff)
	}
	if h.Read("/proc/sys/net/ipv4/ip_nonlocal_bind") != "0" {
		t.Error("looking whether a setting may be written has changed it")
	}
}
