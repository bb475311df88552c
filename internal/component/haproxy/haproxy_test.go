package haproxy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
	"scaleup/internal/facts"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

var update = flag.Bool("update", false, "write the golden files anew")

func siteOf(servers ...spec.Server) *spec.Site {
	return &spec.Site{
		File: "site.yaml", Name: "www.foobar.com",
		Lab:     spec.Lab{Name: "foobar-ha", Subnet: netip.MustParsePrefix("10.77.0.0/24")},
		Servers: servers,
		App:     spec.AppTier{Health: "/healthz"},
	}
}

func haSite() *spec.Site {
	return siteOf(
		spec.Server{Name: "lb1", Role: spec.LoadBalancer}, spec.Server{Name: "lb2", Role: spec.LoadBalancer},
		spec.Server{Name: "web1", Role: spec.Web}, spec.Server{Name: "web2", Role: spec.Web},
		spec.Server{Name: "app1", Role: spec.App}, spec.Server{Name: "app2", Role: spec.App},
		spec.Server{Name: "db1", Role: spec.Database}, spec.Server{Name: "db2", Role: spec.Database}, spec.Server{Name: "db3", Role: spec.Database},
	)
}

// smallSite is one real server per role.
func smallSite() *spec.Site {
	s := siteOf(
		spec.Server{Name: "lb1", Role: spec.LoadBalancer, Address: netip.MustParseAddr("192.0.2.21")},
		spec.Server{Name: "web1", Role: spec.Web, Address: netip.MustParseAddr("192.0.2.31")},
		spec.Server{Name: "app1", Role: spec.App, Address: netip.MustParseAddr("192.0.2.41")},
		spec.Server{Name: "db1", Role: spec.Database, Address: netip.MustParseAddr("192.0.2.51")},
	)
	s.VIPs = spec.VIPs{Public: netip.MustParseAddr("198.51.100.10"), Internal: netip.MustParseAddr("192.0.2.11")}
	return s
}

func debian13(name, address string) facts.Facts { return facts.ReferenceFor(name, address) }

// debian12 is a lab machine: its limit of open files is the host's.
func debian12(name, address string) facts.Facts {
	f := facts.ReferenceFor(name, address)
	f.Release, f.Codename, f.Container, f.Reference = "12", "bookworm", true, false
	f.Memory, f.OpenFiles, f.OpenSSL = 24<<30, 20000, "3.0.19"
	f.Versions["haproxy"], f.Versions["keepalived"] = "2.6.12", "2.2.7"
	return f
}

func inputFor(t testing.TB, site *spec.Site, server string, factsOf func(name, address string) facts.Facts) component.Input {
	t.Helper()
	top, err := topology.Build(site)
	if err != nil {
		t.Fatal(err)
	}
	s, err := top.Server(server)
	if err != nil {
		t.Fatal(err)
	}
	return component.Input{
		Topology: top, Server: s, Facts: factsOf(s.Name, s.Address.String()),
		Secrets: component.Secrets{
			Site:       component.KeyPair{Cert: []byte("the certificate\n"), Key: []byte("the key\n")},
			TicketKeys: []byte("the ticket keys\n"),
		},
		Binary: "/usr/local/lib/scaleup/0123abcd/scaleup",
		Active: map[string]topology.Slot{"app1": topology.SlotA, "app2": topology.SlotB},
	}
}

func filesOf(t *testing.T, in component.Input) map[string]*resource.File {
	t.Helper()
	specs, err := Component{}.Resources(in)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*resource.File{}
	for _, s := range specs {
		if f, ok := s.(*resource.File); ok {
			files[f.Path] = f
		}
	}
	return files
}

var goldens = []struct {
	name  string
	site  func() *spec.Site
	facts func(name, address string) facts.Facts
}{
	{"debian13", haSite, debian13},
	{"debian12", haSite, debian12},
	{"single", smallSite, debian12},
}

func TestGolden(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			for path, f := range filesOf(t, inputFor(t, g.site(), "lb1", g.facts)) {
				if f.Secret {
					continue
				}
				golden := filepath.Join("testdata", "golden", g.name, filepath.Base(path))
				if *update {
					if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(golden, f.Content, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(f.Content)); diff != "" {
					t.Errorf("%s is not %s (-want +got); run the test with -update when it should change:\n%s", path, golden, diff)
				}
			}
		})
	}
}

// TestRealHAProxyAccepts lets the program itself read what was rendered for
// its version, with the paths of its files moved to a folder of the test's.
func TestRealHAProxyAccepts(t *testing.T) {
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed: the rendered configuration is not checked by it")
	}
	for _, g := range goldens {
		if g.name == "debian13" {
			continue // names the post-quantum curve, which this test's OpenSSL may not know
		}
		t.Run(g.name, func(t *testing.T) {
			in := inputFor(t, g.site(), "lb1", g.facts)
			in.Secrets.Site, in.Secrets.TicketKeys = testCertificate(t), testTicketKeys(t)
			config := relocate(t, filesOf(t, in), t.TempDir())
			out, err := exec.Command(haproxy, "-c", "-f", config).CombinedOutput()
			if err != nil {
				t.Fatalf("haproxy -c: %v\n%s", err, out)
			}
			if strings.Contains(string(out), "WARNING") {
				t.Errorf("haproxy -c warns:\n%s", out)
			}
		})
	}
}

// relocate writes the files under dir and returns the path of the main one.
func relocate(t *testing.T, files map[string]*resource.File, dir string) string {
	t.Helper()
	move := strings.NewReplacer("/etc/haproxy/", dir+"/", "/run/haproxy/", dir+"/")
	if err := os.WriteFile(filepath.Join(dir, "servers.state"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, f := range files {
		if !strings.HasPrefix(path, "/etc/haproxy/") {
			continue
		}
		to := move.Replace(path)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		content := f.Content
		if path == configPath {
			content = []byte(move.Replace(string(content)))
		}
		if err := os.WriteFile(to, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return move.Replace(configPath)
}

func testCertificate(t *testing.T) component.KeyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "www.foobar.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return component.KeyPair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
	}
}

func testTicketKeys(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	for range 3 {
		key := make([]byte, 80)
		if _, err := rand.Read(key); err != nil {
			t.Fatal(err)
		}
		b.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	}
	return b.Bytes()
}
