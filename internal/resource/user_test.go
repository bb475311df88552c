package resource_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/resource"
)

func TestUser(t *testing.T) {
	const passwd, group = "root:x:0:0::/root:/bin/sh\napple:x:998:998::/:/bin/sh\n", "adm:x:4:syslog\nssl-cert:x:101:\n"
	for _, c := range []struct {
		name, passwd, group string
		user                resource.User
		state               resource.State
		want                []string
	}{
		{"new", "", "", resource.User{Name: "app"}, resource.Absent,
			[]string{"useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app"}},
		{"with a home and groups", "", "", resource.User{Name: "app", Home: "/srv/app", Groups: []string{"ssl-cert", "adm"}}, resource.Absent, []string{
			"useradd --system --user-group --no-create-home --home-dir /srv/app --shell /usr/sbin/nologin app",
			"usermod --append --groups ssl-cert app", "usermod --append --groups adm app"}},
		{"there, not in its group", "app:x:999:999::/:/bin/false\n", "", resource.User{Name: "app", Groups: []string{"adm"}}, "system user",
			[]string{"usermod --append --groups adm app"}},
		{"as it should be", "app:x:999:999::/:/bin/false\n", "video:x:44:other,app\n", resource.User{Name: "app", Groups: []string{"video"}}, "system user video",
			[]string{"usermod --append --groups video app"}},
	} {
		h := newHost(t)
		h.Write("/etc/passwd", passwd+c.passwd)
		h.Write("/etc/group", group+c.group)
		h.On(hosttest.Output(""), "useradd")
		h.On(hosttest.Output(""), "usermod")
		expectState(t, h, &c.user, c.state)
		if err := c.user.Apply(t.Context(), h.System()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, h.Commands()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestSysctls(t *testing.T) {
	h := newHost(t)
	h.Write("/proc/sys/net/ipv4/tcp_keepalive_time", "7200\n")
	h.Write("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n")
	s := &resource.Sysctls{Values: map[string]string{"net.ipv4.tcp_rmem": "4096 131072 6291456", "net.ipv4.tcp_keepalive_time": "3"}}
	expectState(t, h, s, "net.ipv4.tcp_keepalive_time=7200 net.ipv4.tcp_rmem=4096,131072,6291456")
	apply(t, h, s)
	if got := h.Read("/proc/sys/net/ipv4/tcp_keepalive_time"); got != "3" {
		t.Errorf("the kernel was told %q, want 3", got)
	}
}

// As sysctl(8) reads it: in a key with a slash, dots are part of names.
func TestSysctlOfAnInterfaceWithADot(t *testing.T) {
	const path = "/proc/sys/net/ipv4/neigh/eth0.100/retrans_time_ms"
	h := newHost(t)
	h.Write(path, "1000\n")
	apply(t, h, &resource.Sysctls{Values: map[string]string{"net/ipv4/neigh/eth0.100/retrans_time_ms": "200"}})
	if got := h.Read(path); got != "200" {
		t.Errorf("the kernel was told %q, want 200", got)
	}
}
