package check

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTimeouts(t *testing.T) {
	provoke(t, example(t, "ha.yaml"), []kind{timeouts}, []provoked{
		{"HAProxy gives up before the application", func(w world) { w.edit(t, "lb1", haproxyConfig, "timeout server 22s", "timeout server 20s") },
			[]string{"warning lb1: HAProxy, backend app waits 20s, and the application behind it may take 20s"}},
		{"Nginx before HAProxy", func(w world) { w.edit(t, "web2", nginxConfig, "proxy_read_timeout 25s", "proxy_read_timeout 22") },
			[]string{"warning web2: Nginx waits 22s, and HAProxy, backend app on lb1 behind it may take 22s"}},
		{"HAProxy before Nginx, in its defaults", func(w world) { w.edit(t, "lb2", haproxyConfig, "timeout server 30s", "timeout server 24000") }, []string{
			"warning lb2: HAProxy, backend web waits 24s, and Nginx on web1 behind it may take 25s",
			"warning lb2: HAProxy, backend web_once waits 24s, and Nginx on web1 behind it may take 25s",
		}},
		{"Nginx's own default", func(w world) { w.edit(t, "web1", nginxConfig, "proxy_read_timeout 25s;", "") }, []string{
			"warning lb1: HAProxy, backend web waits 30s, and Nginx on web1 behind it may take 1m0s",
			"warning lb1: HAProxy, backend web_once waits 30s, and Nginx on web1 behind it may take 1m0s",
			"warning lb2: HAProxy, backend web waits 30s, and Nginx on web1 behind it may take 1m0s",
			"warning lb2: HAProxy, backend web_once waits 30s, and Nginx on web1 behind it may take 1m0s",
		}},
		{"nobody shows a configuration", func(w world) {
			for _, s := range []string{"lb1", "lb2", "web1", "web2"} {
				w.shown(s).Configs = nil
			}
		}, nil},
	})
}

func TestHAProxyText(t *testing.T) {
	h := readHAProxy(`
global
    maxconn 10
defaults
    timeout server 5s  # of those without a name
defaults slow from other
    timeout server 1m
    default-server maxconn 7
backend a
    timeout server 3
backend b
backend c from slow
    timeout server
backend d from slow
    default-server check maxconn 9 rise 2
backend e
    timeout server soon
`)
	got := map[string][2]int{}
	for _, name := range []string{"a", "b", "c", "d", "e", "nobody"} {
		limit, ok := h.timeout(name, "server")
		most, bound := h.perServer(name)
		if !ok {
			limit = -time.Millisecond
		}
		if !bound {
			most = -1
		}
		got[name] = [2]int{int(limit.Milliseconds()), most}
	}
	want := map[string][2]int{"a": {3, 7}, "b": {60_000, 7}, "c": {60_000, 7}, "d": {60_000, 9}, "e": {-1, 7}, "nobody": {-1, -1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProxyTimeouts(t *testing.T) {
	for _, c := range []struct {
		text string
		want []time.Duration
	}{
		{"", nil},
		{"http { proxy_read_timeout 10s; }", nil},
		{"http { server { location / { proxy_pass http://a; } } }", []time.Duration{time.Minute}},
		{"http { proxy_read_timeout 10; server { location / { proxy_pass http://a; } location /b { proxy_pass http://b; proxy_read_timeout 2m; } } }", []time.Duration{10 * time.Second, 2 * time.Minute}},
		{"http { # proxy_read_timeout 1s;\n log_format x '{ \"a\": \"b;}' \"{\"; location / { proxy_pass http://a; proxy_read_timeout 500ms; } }", []time.Duration{500 * time.Millisecond}},
		{"http { location / { proxy_pass http://a; proxy_read_timeout soon", []time.Duration{time.Minute}},
		{"}{;'", nil},
	} {
		if diff := cmp.Diff(c.want, proxyTimeouts(readNginx(c.text), nginxDefault)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.text, diff)
		}
	}
}
