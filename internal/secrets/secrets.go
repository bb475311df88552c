// Package secrets keeps what only the operator has: the site's generated
// passwords, its own certificate authority, the certificates of its servers and
// the lab's SSH key. All lies in one folder beside the site file, 0700, in files
// of 0600. It makes what is missing and never replaces what is there, except
// certificates near their end.
package secrets

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"scaleup/internal/atomicfile"
	"scaleup/internal/component"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// Store is the folder of one site's secrets.
type Store struct{ dir string }

// Dir is where the state of a site lies: .scaleup/<name> beside its file.
func Dir(site *spec.Site) string { return filepath.Join(site.Dir, ".scaleup", site.StateName()) }

// Open makes the folder if it is missing.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	return &Store{dir: dir}, nil
}

// Exists reports whether the site has secrets already.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, passwordsFile))
	return err == nil
}

// Path is where a file of the store lies.
func (s *Store) Path(name string) string { return filepath.Join(s.dir, name) }

// CAFile is the path of the certificate that signs all of the site's own ones.
func (s *Store) CAFile() string { return s.Path(caCert) }

const passwordsFile = "secrets.json"

// passwords are the generated values that are no certificates.
type passwords struct {
	MySQLApp         string `json:"mysql_app"`
	MySQLReplication string `json:"mysql_replication"`
	MySQLDrill       string `json:"mysql_drill"`
	GroupName        string `json:"group_name"`
	ClusterSecret    string `json:"cluster_secret"`
	TicketKeys       string `json:"ticket_keys"`
	// Recovery is set once the group was replaced after a loss.
	Recovery *Recovery `json:"recovery,omitempty"`
	// Rotation is set while MySQL's passwords are replaced.
	Rotation *Rotation `json:"rotation,omitempty"`
}

// Load returns the site's secrets and makes those that are missing.
func (s *Store) Load(t *topology.Topology) (component.Secrets, error) {
	p, err := s.passwords()
	if err != nil {
		return component.Secrets{}, err
	}
	a, err := s.authority(t.Site.Name)
	if err != nil {
		return component.Secrets{}, err
	}
	all := component.Secrets{
		CA: a.pem, Servers: map[string]component.KeyPair{}, TicketKeys: []byte(p.TicketKeys), ClusterSecret: p.ClusterSecret,
		MySQLApp: p.MySQLApp, MySQLReplication: p.MySQLReplication, MySQLDrill: p.MySQLDrill, GroupName: p.GroupName,
	}
	if p.Recovery != nil {
		all.Recovered = &p.Recovery.Recovered
	}
	if p.Rotation != nil {
		all.Rotating = &component.Rotating{Old: p.Rotation.Old, New: p.Rotation.New}
	}
	if all.Site, err = s.siteCertificate(a, t); err != nil {
		return component.Secrets{}, err
	}
	for _, server := range t.With(spec.Database) {
		pair, err := s.certificate(a, server.Name, names{dns: []string{server.Name}, ip: server.Address})
		if err != nil {
			return component.Secrets{}, err
		}
		all.Servers[server.Name] = pair
	}
	return all, nil
}

func (s *Store) siteCertificate(a authority, t *topology.Topology) (component.KeyPair, error) {
	if t.Site.TLS.Internal {
		return s.certificate(a, "site", names{dns: siteNames(t.Site.Name), ip: t.Public})
	}
	cert, err := os.ReadFile(t.Site.TLS.Cert)
	if err != nil {
		return component.KeyPair{}, fmt.Errorf("read the site's certificate: %w", err)
	}
	key, err := os.ReadFile(t.Site.TLS.Key)
	if err != nil {
		return component.KeyPair{}, fmt.Errorf("read the key of the site's certificate: %w", err)
	}
	return component.KeyPair{Cert: cert, Key: key}, nil
}

func (s *Store) passwords() (passwords, error) {
	var p passwords
	content, err := os.ReadFile(s.Path(passwordsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p, fmt.Errorf("read the site's passwords: %w", err)
	}
	if err == nil {
		if err := json.Unmarshal(content, &p); err != nil {
			return p, fmt.Errorf("read %s: %w; bring it back from a backup", s.Path(passwordsFile), err)
		}
	}
	before := p
	p.fill()
	if p == before {
		return p, nil
	}
	return p, s.writePasswords(p)
}

func (s *Store) writePasswords(p passwords) error {
	content, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("write the site's passwords: %w", err)
	}
	return s.write(passwordsFile, content)
}

// fill makes the values that are missing: all at first, and later those that a
// newer scaleup has added.
func (p *passwords) fill() {
	for _, v := range []struct {
		value *string
		make  func() string
	}{
		{&p.MySQLApp, password}, {&p.MySQLReplication, password}, {&p.MySQLDrill, password}, {&p.GroupName, uuid},
		{&p.ClusterSecret, func() string { return hex.EncodeToString(random(16)) }}, {&p.TicketKeys, ticketKeys},
	} {
		if *v.value == "" {
			*v.value = v.make()
		}
	}
}

// write stores a secret so that a power cut leaves all of it or nothing.
func (s *Store) write(name string, content []byte) error {
	path := s.Path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return atomicfile.Write(path, content, 0o600)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

// password has 192 bits in letters that need no quoting anywhere.
func password() string { return base64.RawURLEncoding.EncodeToString(random(24)) }

func uuid() string {
	b := random(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// ticketKeys are three keys of 80 bytes (AES-256), as HAProxy's
// tls-ticket-keys wants them: the last but one encrypts, all decrypt.
func ticketKeys() string {
	var lines string
	for range 3 {
		lines += base64.StdEncoding.EncodeToString(random(80)) + "\n"
	}
	return lines
}

// Placeholder are secrets that are none, for rendering configurations to be read.
func Placeholder(t *topology.Topology) component.Secrets {
	pair := component.KeyPair{Cert: []byte("[certificate]\n"), Key: []byte("[secret: private key]\n")}
	all := component.Secrets{
		CA: []byte("[certificate of the site's authority]\n"), Site: pair, Servers: map[string]component.KeyPair{},
		TicketKeys: []byte("[secret: TLS ticket keys]\n"), ClusterSecret: "[secret]",
		MySQLApp: "[secret]", MySQLReplication: "[secret]", MySQLDrill: "[secret]", GroupName: "00000000-0000-4000-8000-000000000000",
	}
	for _, s := range t.With(spec.Database) {
		all.Servers[s.Name] = pair
	}
	return all
}
