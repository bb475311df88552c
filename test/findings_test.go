//go:build lab && full

package test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// weakness is something that check has to find: it is brought about on real servers,
// found, mended, and found no more. What is found on real servers only is in
// TestLabFullServers: SSH that is open to everyone, and a clock that nobody keeps.
type weakness struct {
	name    string
	want    []finding // ID and server; a severity where it matters
	provoke func(t *testing.T)
	mend    func(t *testing.T)
}

// shell runs a line on a server.
func shell(server, line string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		ha.on(t, server, "sh", "-c", line)
	}
}

func applied(t *testing.T) {
	t.Helper()
	ha.must(t, 0, "apply", "--yes")
}

func switched(verb string, servers ...string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		ha.must(t, 0, append([]string{"lab", verb}, servers...)...)
	}
}

func weaknesses() []weakness {
	return []weakness{
		{"a web server is off", []finding{{ID: "silent", Server: "web2"}, {ID: "spof", Server: "web1", Severity: "critical"}}, switched("off", "web2"), switched("on", "web2")},
		{"a load balancer is off", []finding{{ID: "spof", Server: "lb1", Severity: "critical"}}, switched("off", "lb2"), switched("on", "lb2")},
		{"a member is off", []finding{{ID: "quorum"}}, switched("off", "db3"), switched("on", "db3")},
		{"the whole app tier is off", []finding{{ID: "tier", Severity: "critical"}}, switched("off", "app1", "app2"), switched("on", "app1", "app2")},
		{
			"nobody holds the addresses", []finding{{ID: "vip-holder", Severity: "critical"}, {ID: "unit", Server: "lb1"}},
			func(t *testing.T) {
				shell("lb1", "systemctl stop keepalived")(t)
				shell("lb2", "systemctl stop keepalived")(t)
			},
			func(t *testing.T) {
				shell("lb1", "systemctl start keepalived")(t)
				shell("lb2", "systemctl start keepalived")(t)
			},
		},
		{"a unit has failed", []finding{{ID: "unit", Server: "web1"}}, shell("web1", "systemd-run --quiet --wait --unit=broken false || true"), shell("web1", "systemctl reset-failed broken")},
		{
			"an application runs in both slots", []finding{{ID: "slots", Server: "app1", Severity: "info"}},
			shell("app1", "cp -P /srv/app/slots/a /srv/app/slots/b && systemctl start app@b"), applied,
		},
		{"a certificate is about to expire", []finding{{ID: "certificate", Server: "lb1"}, {ID: "certificate-twins"}}, expiring, applied},
		{
			"a program that nobody knows listens", []finding{{ID: "listener", Server: "app1"}},
			shell("app1", "systemd-run --quiet --unit=stray systemd-socket-activate --listen=0.0.0.0:9999 true"), shell("app1", "systemctl stop stray"),
		},
		{
			"the firewall lets more in than flows", []finding{{ID: "firewall", Server: "app1"}},
			shell("app1", "nft add rule inet scaleup input tcp dport 9999 accept"), applied,
		},
		{
			"the firewall lets more sources in", []finding{{ID: "firewall", Server: "web1"}},
			shell("web1", "nft add element inet scaleup tcp_80 '{ 192.0.2.1 }'"), applied,
		},
		{
			"twins are configured differently", []finding{{ID: "twins"}},
			shell("web2", "sed -i 's/worker_shutdown_timeout 60s/worker_shutdown_timeout 61s/' /etc/nginx/nginx.conf && nginx -t -q"), applied,
		},
		{
			"an outer timeout is shorter than an inner one", []finding{{ID: "timeouts"}},
			shell("web2", "sed -i 's/proxy_read_timeout 25s/proxy_read_timeout 2s/' /etc/nginx/nginx.conf && nginx -t -q"), applied,
		},
		{
			"writes are not durable", []finding{{ID: "durability", Server: "db2"}},
			shell("db2", "mysql -e 'SET GLOBAL sync_binlog = 0'"), shell("db2", "mysql -e 'SET GLOBAL sync_binlog = 1'"),
		},
		{
			"MySQL takes fewer connections than may come", []finding{{ID: "connections"}},
			shell("db2", "mysql -e 'SET GLOBAL max_connections = 300'"), shell("db2", "mysql -e 'SET GLOBAL max_connections = 900'"),
		},
		{
			"a disk is nearly full", []finding{{ID: "disk", Server: "db3"}},
			shell("db3", `fallocate -l $(( $(df -B1 --output=avail /var/lib/mysql | tail -1) * 97 / 100 )) /var/lib/mysql/.ballast`), shell("db3", "rm /var/lib/mysql/.ballast"),
		},
		{
			"twins have different versions", []finding{{ID: "version-twins"}},
			shell("web2", `cp /var/lib/dpkg/status /root/status && sed -i '/^Package: nginx$/,/^Version:/ s/^Version: .*/Version: 1.22.0-1/' /var/lib/dpkg/status`),
			shell("web2", "mv /root/status /var/lib/dpkg/status"),
		},
		{
			"a package is behind", []finding{{ID: "version-behind", Server: "web2"}},
			shell("web2", `mkdir -p /root/newer && cd /root/newer && dpkg -s nginx | sed -n '/^Package:/p;/^Architecture:/p;/^Maintainer:/p' >Packages &&
				printf 'Version: 99.0-1\nFilename: ./nginx.deb\nSize: 1\nDescription: newer\n' >>Packages &&
				echo 'deb [trusted=yes] file:/root/newer ./' >/etc/apt/sources.list.d/newer.list &&
				apt-get update -qq -o Dir::Etc::sourcelist=sources.list.d/newer.list -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0`),
			shell("web2", `rm -r /etc/apt/sources.list.d/newer.list /root/newer /var/lib/apt/lists/*root_newer*`),
		},
		{
			// As a container's own view of its memory is laid over the computer's.
			"memory runs out", []finding{{ID: "memory", Server: "app1"}},
			shell("app1", `sed 's/^MemAvailable:.*/MemAvailable: 1024 kB/' /proc/meminfo >/root/meminfo && mount --bind /root/meminfo /proc/meminfo`),
			shell("app1", "umount /proc/meminfo"),
		},
		{
			"a disk has no inodes left", []finding{{ID: "disk-inodes", Server: "db3", Severity: "critical"}},
			shell("db3", `mkdir /var/lib/mysql/.many && cd /var/lib/mysql/.many && seq $(( $(df --output=iavail . | tail -1) * 98 / 100 )) | xargs touch`),
			shell("db3", "rm -r /var/lib/mysql/.many"),
		},
		{
			"a disk is read-only", []finding{{ID: "disk-read-only", Server: "web1", Severity: "critical"}},
			shell("web1", "mount -t tmpfs -o ro tmpfs /var/log"), shell("web1", "umount /var/log"),
		},
		{
			"something cannot be read", []finding{{ID: "unread", Server: "app2"}},
			shell("app2", "mount --bind /usr/bin/false $(command -v nft)"), shell("app2", "umount $(command -v nft)"),
		},
		{"a clock is wrong", []finding{{ID: "clock", Server: "web1", Severity: "critical"}}, wrongClock("web1"), rightClock("web1")},
		{"a drill missed an objective", []finding{{ID: "drill-missed"}}, drilledIn(time.Hour, "MISSED"), notDrilled},
		{"the last drill is long ago", []finding{{ID: "no-drill", Severity: "warning"}}, drilledIn(60*24*time.Hour, "MET"), notDrilled},
	}
}

// records is the folder of what this computer remembers of the site.
func records(t *testing.T) string {
	t.Helper()
	return filepath.Join(repository(t), "examples", ".scaleup", "foobar-ha")
}

// drilledIn leaves the record of one drill that ended some time ago, on a site that is
// older than that.
func drilledIn(ago time.Duration, verdict string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		dir := records(t)
		for _, kept := range []string{"drills", "journal.ndjson"} {
			if err := os.Rename(filepath.Join(dir, kept), filepath.Join(dir, kept+".kept")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
		at := time.Now().Add(-ago).UTC()
		folder := filepath.Join(dir, "drills", at.Format("20060102T150405"), "web-off")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		began := at.Add(-30 * 24 * time.Hour).Format(time.RFC3339)
		for path, content := range map[string]string{
			filepath.Join(folder, "drill.json"):  fmt.Sprintf(`{"schema": 1, "drill": "web-off", "verdict": %q}`, verdict),
			filepath.Join(dir, "journal.ndjson"): fmt.Sprintf(`{"time": %q}`, began) + "\n",
		} {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// notDrilled takes the record away again.
func notDrilled(t *testing.T) {
	t.Helper()
	dir := records(t)
	for _, kept := range []string{"drills", "journal.ndjson"} {
		if err := os.RemoveAll(filepath.Join(dir, kept)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, kept+".kept"), filepath.Join(dir, kept)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// TestLabFullFindings shows that check finds each weakness on real servers, and that it
// finds none when all is well.
func TestLabFullFindings(t *testing.T) {
	freshSite(t, ha)
	ha.must(t, 0, "up")
	before := ha.findings(t)
	if found := serious(before); len(found) > 0 {
		t.Fatalf("right after up: %+v", found)
	}
	if !slices.ContainsFunc(before, func(f finding) bool { return f.ID == "shared-host" && f.Severity == "info" }) {
		t.Errorf("nobody remarks that all servers are on one computer: %+v", before)
	}
	for _, w := range weaknesses() {
		t.Run(w.name, func(t *testing.T) {
			w.provoke(t)
			eventually(t, 20*time.Second, func() error {
				found := ha.findings(t)
				for _, want := range w.want {
					if !slices.ContainsFunc(found, func(f finding) bool {
						return f.ID == want.ID && (want.Server == "" || f.Server == want.Server) && (want.Severity == "" || f.Severity == want.Severity)
					}) {
						return fmt.Errorf("no finding %s of %q %s among %+v", want.ID, want.Server, want.Severity, found)
					}
				}
				return nil
			})
			w.mend(t)
			eventually(t, 90*time.Second, func() error {
				for _, f := range ha.findings(t) {
					if !slices.ContainsFunc(before, func(b finding) bool { return b.ID == f.ID && b.Server == f.Server && b.Severity == f.Severity }) {
						return fmt.Errorf("%s is still found on %q: %s", f.ID, f.Server, f.Message)
					}
				}
				return nil
			})
		})
	}
	if found := serious(ha.findings(t)); len(found) > 0 {
		t.Errorf("after all was mended: %+v", found)
	}
}

// TestLabFullGraph shows that the picture is of the site as it is: after the addresses
// moved, a server was stopped and the primary changed.
func TestLabFullGraph(t *testing.T) {
	freshSite(t, ha)
	ha.must(t, 0, "up")
	type node struct {
		Name, State string
		Single      bool `json:"single_point"`
		Holders     []string
	}
	look := func() map[string]node {
		var g struct{ Nodes []node }
		r := ha.must(t, 0, "graph", "--json")
		if err := json.Unmarshal([]byte(r.stdout), &g); err != nil {
			t.Fatalf("graph --json: %v\n%s", err, r.stdout)
		}
		nodes := map[string]node{}
		for _, n := range g.Nodes {
			nodes[n.Name] = n
		}
		return nodes
	}
	before := look()
	holder := before["public:443"].Holders[0]
	other := map[string]string{"lb1": "lb2", "lb2": "lb1"}[holder]
	ha.must(t, 0, "lab", "off", holder, "web2")
	primary, others := ha.members(t)
	ha.must(t, 0, "db", "switch", others[0])
	eventually(t, 20*time.Second, func() error {
		now := look()
		for name, want := range map[string]node{
			holder: {State: "down"}, other: {State: "serving", Single: true}, "web1": {State: "serving", Single: true}, "web2": {State: "down"},
			others[0]: {State: "primary"}, primary: {State: "replica"},
		} {
			if got := now[name]; got.State != want.State || got.Single != want.Single {
				return fmt.Errorf("%s is drawn as %+v, want %+v", name, got, want)
			}
		}
		if got := now["public:443"].Holders; !slices.Equal(got, []string{other}) {
			return fmt.Errorf("the public address is drawn at %v, want %s", got, other)
		}
		return nil
	})
}

// expiring gives a load balancer a certificate with two days left.
func expiring(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "www.foobar.com"}, DNSNames: []string{"www.foobar.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	for _, b := range []*pem.Block{{Type: "CERTIFICATE", Bytes: certificate}, {Type: "PRIVATE KEY", Bytes: private}} {
		if err := pem.Encode(&file, b); err != nil {
			t.Fatal(err)
		}
	}
	ha.on(t, "lb1", "sh", "-c", "echo "+base64.StdEncoding.EncodeToString(file.Bytes())+" | base64 -d >/etc/haproxy/tls/site.pem && systemctl reload haproxy")
}
