package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Config is what apply writes for the guard of one database server, as JSON. The
// guard never changes it. Paths of credentials may start with
// ${CREDENTIALS_DIRECTORY}, which systemd sets for LoadCredential=.
type Config struct {
	Server    string  `json:"server"`     // name of this server; one of Voters
	GroupName string  `json:"group_name"` // group_replication_group_name, a UUID
	Initial   string  `json:"initial"`    // the one voter that may form the group for the first time
	Voters    []Voter `json:"voters"`     // every database server of the site, this one included; an odd number
	// Recovered is set once the operator has given a former group up; see there.
	Recovered *Recovered `json:"recovered,omitempty"`

	Socket                  string `json:"socket"`                    // MySQL's unix socket
	MySQLUser               string `json:"mysql_user"`                // signs in by the socket, without a password
	MySQLPort               int    `json:"mysql_port"`                // where members reach each other, for clone
	ReplicationUser         string `json:"replication_user"`          // distributed recovery and clone
	ReplicationPasswordFile string `json:"replication_password_file"` // one line; at most 32 bytes, MySQL's limit for START GROUP_REPLICATION

	Listen     string `json:"listen"`      // health checks and status, plain HTTP: ":8008"
	PeerListen string `json:"peer_listen"` // guards among themselves, mutual TLS: ":8009"; the same port on every voter
	Control    string `json:"control"`     // unix socket of switch, leave and join; default DefaultControl
	TLS        TLS    `json:"tls"`
	StateDir   string `json:"state_dir"` // holds the fsynced record; outside MySQL's data directory
}

// Voter is a database server whose word counts when the group is formed.
type Voter struct {
	Name    string `json:"name"`    // server name; also the name its certificate must carry
	Address string `json:"address"` // IP address; MySQL's report_host there
}

// TLS names the PEM files of the guards' mutual TLS. The certificate serves both
// directions, so it needs the extended key usages of a server and of a client.
type TLS struct {
	CA   string `json:"ca"`
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// DefaultControl is where the guard's own server reaches it for planned work.
const DefaultControl = "/run/scaleup-guard/guard.sock"

// maxReplicationPassword is the longest PASSWORD that START GROUP_REPLICATION takes, in bytes.
const maxReplicationPassword = 32

// LoadConfig reads and checks a configuration file, and expands the paths of
// credentials.
func LoadConfig(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read guard configuration: %w", err)
	}
	cfg, err := ParseConfig(data)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := cfg.expand(os.LookupEnv); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// ParseConfig decodes and checks a configuration without touching the system:
// unknown keys, a second document and contradictions are errors.
func ParseConfig(data []byte) (Config, error) {
	cfg := Config{Control: DefaultControl}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&cfg); err != nil {
		return Config{}, fmt.Errorf("decode guard configuration: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("decode guard configuration: text after the end of the document")
	}
	return cfg, cfg.Validate()
}

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Validate reports every contradiction in the configuration at once.
func (c Config) Validate() error {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	names := c.voterNames()
	if !slices.Contains(names, c.Server) {
		complain("server %q is not one of the voters %v", c.Server, names)
	}
	if !slices.Contains(names, c.Initial) {
		complain("initial %q is not one of the voters %v", c.Initial, names)
	}
	if len(c.Voters)%2 == 0 {
		complain("%d voters: a group needs an odd number of them", len(c.Voters))
	}
	if !uuidPattern.MatchString(c.GroupName) {
		complain("group_name %q is not a UUID in lower case", c.GroupName)
	}
	if c.MySQLPort < 1 || c.MySQLPort > 65535 {
		complain("mysql_port %d is not a port", c.MySQLPort)
	}
	for _, listen := range []struct{ key, value string }{{"listen", c.Listen}, {"peer_listen", c.PeerListen}} {
		if _, _, err := net.SplitHostPort(listen.value); err != nil {
			complain("%s %q: want host:port or :port", listen.key, listen.value)
		}
	}
	for _, required := range []struct{ key, value string }{
		{"socket", c.Socket}, {"mysql_user", c.MySQLUser}, {"replication_user", c.ReplicationUser},
		{"replication_password_file", c.ReplicationPasswordFile}, {"control", c.Control}, {"state_dir", c.StateDir},
		{"tls.ca", c.TLS.CA}, {"tls.cert", c.TLS.Cert}, {"tls.key", c.TLS.Key},
	} {
		if required.value == "" {
			complain("%s is missing", required.key)
		}
	}
	errs = append(errs, c.Recovered.validate(c.GroupName)...)
	return errors.Join(append(errs, c.validateVoters()...)...)
}

func (c Config) validateVoters() (errs []error) {
	seen := map[string]bool{}
	for _, v := range c.Voters {
		address, err := netip.ParseAddr(v.Address)
		switch {
		case v.Name == "":
			errs = append(errs, fmt.Errorf("the voter at %q has no name", v.Address))
		case err != nil:
			errs = append(errs, fmt.Errorf("voter %s: %q is not an IP address", v.Name, v.Address))
		case seen[v.Name] || seen[address.String()]:
			errs = append(errs, fmt.Errorf("voter %s at %s: name or address is there twice", v.Name, v.Address))
		}
		seen[v.Name], seen[address.String()] = true, true
	}
	return errs
}

// expand replaces ${CREDENTIALS_DIRECTORY} in the paths of credentials. Any other
// variable is refused: the configuration must not depend on a stray environment.
func (c *Config) expand(lookup func(string) (string, bool)) error {
	var errs []error
	for _, path := range []*string{&c.ReplicationPasswordFile, &c.TLS.CA, &c.TLS.Cert, &c.TLS.Key} {
		*path = os.Expand(*path, func(name string) string {
			value, ok := lookup(name)
			if name != "CREDENTIALS_DIRECTORY" {
				errs = append(errs, fmt.Errorf("expand %q: only ${CREDENTIALS_DIRECTORY} may be used", "$"+name))
			} else if !ok {
				errs = append(errs, errors.New("expand ${CREDENTIALS_DIRECTORY}: not set; the unit needs LoadCredential="))
			}
			return value
		})
	}
	return errors.Join(errs...)
}

// replicationPassword reads the secret. It is kept out of Config so that a
// printed configuration never shows it.
func (c Config) replicationPassword() (string, error) {
	data, err := os.ReadFile(c.ReplicationPasswordFile)
	if err != nil {
		return "", fmt.Errorf("read replication password: %w", err)
	}
	password := strings.TrimRight(string(data), "\r\n")
	if password == "" || len(password) > maxReplicationPassword {
		return "", fmt.Errorf("%s: the replication password has %d bytes; MySQL takes 1 to %d", c.ReplicationPasswordFile, len(password), maxReplicationPassword)
	}
	return password, nil
}

func (c Config) voterNames() []string {
	names := make([]string, len(c.Voters))
	for i, v := range c.Voters {
		names[i] = v.Name
	}
	return names
}

// policy is the part of the configuration that Decide needs.
func (c Config) policy() Policy {
	p := Policy{Server: c.Server, Group: c.GroupName, Initial: c.Initial, Voters: c.voterNames(), Recovered: c.Recovered}
	slices.Sort(p.Voters)
	return p
}

// nameOf maps a member's host, as MySQL reports it, to a server name. An unknown
// host stands for itself: it must not be mistaken for nobody.
func (c Config) nameOf(host string) string {
	for _, v := range c.Voters {
		if v.Address == host {
			return v.Name
		}
	}
	return host
}

// addressOf is the address of a voter.
func (c Config) addressOf(name string) string {
	for _, v := range c.Voters {
		if v.Name == name {
			return v.Address
		}
	}
	return ""
}
