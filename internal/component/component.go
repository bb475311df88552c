// Package component holds what each program wants on a server: the packages,
// files and units of HAProxy, keepalived, Nginx, the application, MySQL, the
// firewall and the base system. Components are pure: facts and topology in,
// resources out. They never import one another; they meet in topology.
package component

import (
	"scaleup/internal/facts"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// Component is one program or concern and what it wants on a server.
type Component interface {
	// Name is the component's name in plans and status: "haproxy".
	Name() string
	// On reports whether servers of a role hold the component.
	On(r spec.Role) bool
	// Packages are the Debian packages of the component on such a server. The
	// lab builds a role's layer from the same list.
	Packages(site *spec.Site) []resource.Packages
	// Resources are what the component wants on one server, in the order they
	// depend on each other. It includes Packages.
	Resources(in Input) ([]resource.Spec, error)
}

// Input is all a component may know when it decides.
type Input struct {
	Topology *topology.Topology
	Server   topology.Server
	Facts    facts.Facts
	Secrets  Secrets
	Releases Releases
	// Binary is the path of scaleup itself on the servers, for the helpers that
	// run there (lb-agent, guard). It is named by its digest, so an upgrade of
	// scaleup changes the unit files of the helpers and nothing else.
	Binary string
	// Active is the slot each app server should run when the plan is done.
	Active map[string]topology.Slot
}

// KeyPair is a PEM certificate chain and its PEM private key.
type KeyPair struct{ Cert, Key []byte }

// Secrets are the site's passwords, keys and certificates.
type Secrets struct {
	CA               []byte             // PEM certificate of the site's own authority
	Site             KeyPair            // what the public frontend serves
	Servers          map[string]KeyPair // by server name: MySQL, guards; names and addresses in the SAN
	TicketKeys       []byte             // HAProxy tls-ticket-keys file: three base64 lines
	ClusterSecret    string             // HAProxy cluster-secret, hex
	MySQLApp         string             // password of the application's account
	MySQLReplication string             // password of the replication account
	MySQLDrill       string             // password of the drills' account
	Rotating         *Rotating          // while MySQL's passwords are replaced; nil otherwise
	GroupName        string             // UUID of the MySQL group
	Recovered        *Recovered         // how it replaced a group that was given up; nil when none was
}

// Rotating are the passwords of MySQL while one set replaces the other: its accounts
// take both, so that programs may change over one after another.
type Rotating struct{ Old, New Passwords }

// Passwords are those of MySQL's accounts.
type Passwords struct {
	App         string `json:"app"`
	Replication string `json:"replication"`
	Drill       string `json:"drill"`
}

// Recovered is what the guards have to know about a group that was given up after
// a voter was lost for good. Its form is guard.Recovered's, which components do
// not import; a test decodes the one with the other.
type Recovered struct {
	Replaces []string `json:"replaces"`
	Initial  string   `json:"initial"`
	Voters   []string `json:"voters"`
	GTIDs    string   `json:"gtids"`
	GivenUp  string   `json:"given_up"`
}

// Releases are the two folder trees the site ships, by digest.
type Releases struct {
	App    string // hex sha256 of app.release
	Static string // hex sha256 of web.static
}
