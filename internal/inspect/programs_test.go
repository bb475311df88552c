package inspect

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/resource"
)

func TestParseUnits(t *testing.T) {
	const out = "nginx.service                loaded failed failed A high performance web server\nscaleup-lb-agent.service loaded failed failed Fitness\n"
	if diff := cmp.Diff([]string{"nginx.service", "scaleup-lb-agent.service"}, parseUnits(out)); diff != "" {
		t.Error(diff)
	}
	if got := parseUnits("\n"); got != nil {
		t.Errorf("nothing failed: %q", got)
	}
}

func TestConfigs(t *testing.T) {
	s := server{resource.System{Root: t.TempDir()}}
	put(t, s, "/etc/haproxy/haproxy.cfg", "global\n")
	put(t, s, "/etc/haproxy/tls/site.pem", "key")
	got, err := s.configs([]string{"/etc/haproxy/haproxy.cfg", "/etc/keepalived/keepalived.conf"})
	if diff := cmp.Diff(map[string]string{"/etc/haproxy/haproxy.cfg": "global\n"}, got); diff != "" || err != nil {
		t.Errorf("one of two is there: %v, %s", err, diff)
	}
	for _, secret := range []string{"/etc/haproxy/tls/site.pem", "/etc/haproxy/../haproxy/tls/site.pem", "etc/haproxy/haproxy.cfg"} {
		got, err := s.configs([]string{secret, "/etc/haproxy/haproxy.cfg"})
		if err == nil || !strings.Contains(err.Error(), secret) || len(got) != 1 {
			t.Errorf("%s: %v, error %v; want it refused and the other one read", secret, got, err)
		}
	}
	if err := os.MkdirAll(s.path("/etc/nginx/nginx.conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := s.configs([]string{"/etc/nginx/nginx.conf"}); err == nil {
		t.Errorf("a folder: %v, want an error", got)
	}
}
