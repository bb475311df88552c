package secrets

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"scaleup/internal/component"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func site(t *testing.T) *topology.Topology {
	t.Helper()
	s := &spec.Site{Name: "www.foobar.com", TLS: spec.TLS{Internal: true}, Lab: spec.Lab{Name: "foobar", Subnet: netip.MustParsePrefix("10.77.0.0/24")}}
	for name, role := range map[string]spec.Role{"lb1": spec.LoadBalancer, "web1": spec.Web, "db1": spec.Database, "db2": spec.Database} {
		s.Servers = append(s.Servers, spec.Server{Name: name, Role: role})
	}
	top, err := topology.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func store(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), ".scaleup", "foobar"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load(t *testing.T, s *Store, top *topology.Topology) component.Secrets {
	t.Helper()
	all, err := s.Load(top)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLoadIsStable(t *testing.T) {
	s, top := store(t), site(t)
	if Exists(s.dir) {
		t.Error("secrets exist before they are made")
	}
	first := load(t, s, top)
	again, err := Open(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, load(t, again, top)); diff != "" || !Exists(s.dir) {
		t.Errorf("the second run's secrets are others (-first +second):\n%s", diff)
	}
	passwords := []string{first.MySQLApp, first.MySQLReplication, first.MySQLDrill}
	for i, p := range passwords {
		if len(p) < 32 || slices.Contains(passwords[:i], p) {
			t.Errorf("passwords %q, want three of at least 32 characters", passwords)
		}
	}
	if other := load(t, store(t), top); other.MySQLApp == first.MySQLApp || other.GroupName == first.GroupName {
		t.Error("two sites share secrets")
	}
	keys := strings.Fields(string(first.TicketKeys))
	if len(keys) != 3 {
		t.Errorf("%d ticket keys, want 3", len(keys))
	}
	for _, k := range keys {
		if raw, err := base64.StdEncoding.DecodeString(k); err != nil || len(raw) != 80 {
			t.Errorf("ticket key of %d bytes (%v), want 80", len(raw), err)
		}
	}
}

// What a newer version adds is made; what is there stays.
func TestLoadFillsWhatIsMissing(t *testing.T) {
	s := store(t)
	if err := s.write(passwordsFile, []byte(`{"mysql_app": "kept"}`)); err != nil {
		t.Fatal(err)
	}
	all := load(t, s, site(t))
	if all.MySQLApp != "kept" || all.MySQLReplication == "" || all.MySQLDrill == "" || all.ClusterSecret == "" || all.GroupName == "" || len(all.TicketKeys) == 0 {
		t.Errorf("secrets are missing or replaced; mysql_app is %q", all.MySQLApp)
	}
	if again := load(t, s, site(t)); again.MySQLReplication != all.MySQLReplication || again.MySQLDrill != all.MySQLDrill {
		t.Error("what was filled in was not kept")
	}
}

func TestModes(t *testing.T) {
	s := store(t)
	load(t, s, site(t))
	if _, _, err := s.SSHKey(); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteKnownHosts([]byte("x\n")); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s is %s, want %s", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil || files < 9 {
		t.Errorf("%d files, %v", files, err)
	}
}

func certificate(t *testing.T, pair component.KeyPair) *x509.Certificate {
	t.Helper()
	if _, err := tls.X509KeyPair(pair.Cert, pair.Key); err != nil {
		t.Fatalf("certificate and key do not match: %v", err)
	}
	cert, err := parseCertificate(pair.Cert)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestCertificates(t *testing.T) {
	s, top := store(t), site(t)
	all := load(t, s, top)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(all.CA)
	if content, err := os.ReadFile(s.CAFile()); err != nil || string(content) != string(all.CA) {
		t.Errorf("CAFile holds something else: %v", err)
	}
	db1, err := top.Server("db1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pair  component.KeyPair
		names []string
		not   string
	}{
		{all.Site, []string{"www.foobar.com", "foobar.com", top.Public.String()}, "db1"},
		{all.Servers["db1"], []string{"db1", db1.Address.String()}, "db2"},
	} {
		cert := certificate(t, c.pair)
		for _, name := range c.names {
			for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
				if _, err := cert.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if cert.VerifyHostname(c.not) == nil {
			t.Errorf("the certificate of %s is good for %s, too", c.names[0], c.not)
		}
		if life := cert.NotAfter.Sub(cert.NotBefore); life > 398*24*time.Hour {
			t.Errorf("%s is valid for %s, longer than browsers accept", c.names[0], life)
		}
	}
	if len(all.Servers) != 2 {
		t.Errorf("%d server certificates, want those of the two database servers", len(all.Servers))
	}
}

// leaf issues a certificate for the site that ends in a given time.
func leaf(t *testing.T, a authority, of names, life time.Duration) component.KeyPair {
	t.Helper()
	pair, err := issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "x"}, DNSNames: of.dns, IPAddresses: []net.IP{of.ip.AsSlice()},
	}, a, life)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func TestRenewal(t *testing.T) {
	top := site(t)
	of := names{dns: siteNames("www.foobar.com"), ip: top.Public}
	moved := names{dns: of.dns, ip: netip.MustParseAddr("10.77.0.99")}
	renamed := names{dns: siteNames("www.example.com"), ip: top.Public}
	for _, c := range []struct {
		name  string
		of    names
		life  time.Duration
		other bool // of another authority
		keep  bool
	}{
		{"fresh", of, leafLife, false, true},
		{"61 days left", of, 61*24*time.Hour + 2*time.Hour, false, true},
		{"59 days left", of, 59 * 24 * time.Hour, false, false},
		{"over", of, time.Minute, false, false},
		{"of another authority", of, leafLife, true, false},
		{"for another address", moved, leafLife, false, false},
		{"for another name", renamed, leafLife, false, false},
	} {
		s := store(t)
		a, err := s.authority("www.foobar.com")
		if err != nil {
			t.Fatal(err)
		}
		from := a
		if c.other {
			if from, err = store(t).authority("www.foobar.com"); err != nil {
				t.Fatal(err)
			}
		}
		old := leaf(t, from, c.of, c.life)
		if err := s.writePair("certs/site.pem", "certs/site.key", old); err != nil {
			t.Fatal(err)
		}
		got := load(t, s, top).Site
		if kept := string(got.Cert) == string(old.Cert); kept != c.keep {
			t.Errorf("%s: the certificate is kept: %t, want %t", c.name, kept, c.keep)
		}
		certificate(t, got)
	}
}

func TestAuthorityWithoutItsKey(t *testing.T) {
	s, top := store(t), site(t)
	load(t, s, top)
	before, err := os.ReadFile(s.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.Path(caKey)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(top); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("error %v, want the way out", err)
	}
	if after, err := os.ReadFile(s.CAFile()); err != nil || string(after) != string(before) {
		t.Error("the authority was replaced behind the operator's back")
	}
}

func TestOwnCertificate(t *testing.T) {
	top, dir := site(t), t.TempDir()
	top.Site.TLS = spec.TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	if _, err := store(t).Load(top); err == nil || !strings.Contains(err.Error(), "cert.pem") {
		t.Errorf("error %v, want the missing file's name", err)
	}
	for path, content := range map[string]string{top.Site.TLS.Cert: "cert", top.Site.TLS.Key: "key"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := load(t, store(t), top).Site; string(got.Cert) != "cert" || string(got.Key) != "key" {
		t.Errorf("serves %q, %q", got.Cert, got.Key)
	}
}

// A damaged file is told of without what it holds.
func TestDamagedFiles(t *testing.T) {
	const secret = "correct-horse-battery"
	for file, content := range map[string]string{
		passwordsFile: `{"mysql_app": "` + secret + `", "mysql_replication": "` + secret,
		caKey:         "-----BEGIN PRIVATE KEY-----\n" + base64.StdEncoding.EncodeToString([]byte(secret)) + "\n-----END PRIVATE KEY-----\n",
		sshKey:        secret,
	} {
		s, top := store(t), site(t)
		load(t, s, top)
		if err := s.write(file, []byte(content)); err != nil {
			t.Fatal(err)
		}
		_, err := s.Load(top)
		if file == sshKey {
			_, _, err = s.SSHKey()
		}
		if err == nil || !strings.Contains(err.Error(), s.Path(file)) {
			t.Errorf("%s: error %v, want one that names the file", file, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error tells the secret: %v", file, err)
		}
	}
}

func TestSSHKey(t *testing.T) {
	s := store(t)
	path, authorized, err := s.SSHKey()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(content)
	if err != nil || string(ssh.MarshalAuthorizedKey(signer.PublicKey())) != string(authorized) {
		t.Errorf("the public half is not the key's: %v", err)
	}
	if _, again, err := s.SSHKey(); err != nil || string(again) != string(authorized) {
		t.Errorf("the second run's key is another: %v", err)
	}
}

func TestPlaceholderHoldsNoSecret(t *testing.T) {
	all := Placeholder(site(t))
	if len(all.Servers) != 2 || !strings.HasPrefix(all.MySQLApp, "[secret") || !strings.HasPrefix(all.MySQLDrill, "[secret") || !strings.HasPrefix(string(all.Site.Key), "[secret") {
		t.Errorf("placeholders: %+v", all)
	}
}
