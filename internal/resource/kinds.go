package resource

import "io/fs"

// File is a regular file with exactly this content.
type File struct {
	Path     string      `json:"path"`
	Content  []byte      `json:"content"`
	Mode     fs.FileMode `json:"mode"`     // permission bits
	Owner    string      `json:"owner"`    // "" is root
	Group    string      `json:"group"`    // "" is root
	Secret   bool        `json:"secret"`   // content is never shown in a diff or a rendering
	Validate []string    `json:"validate"` // argv run before the file is replaced; the argument {} stands for the new file's path
}

// Directory is a folder with this mode and owner; its content is not looked at.
type Directory struct {
	Path  string      `json:"path"`
	Mode  fs.FileMode `json:"mode"`
	Owner string      `json:"owner"`
	Group string      `json:"group"`
}

// AbsentPath is a file or link that must not be there, such as a distribution's
// default site. It never removes a folder.
type AbsentPath struct {
	Path string `json:"path"`
}

// Link is a symbolic link, replaced atomically.
type Link struct {
	Path   string `json:"path"`
	Target string `json:"target"`
}

// Packages are Debian packages that must be installed, in any version.
type Packages struct {
	Name    string   `json:"name"`    // names the set in plans: "nginx"
	Names   []string `json:"names"`   // package names
	Release string   `json:"release"` // target release for apt-get -t, or ""
}

// User is a system user with a group of the same name and no login.
type User struct {
	Name   string   `json:"name"`
	Home   string   `json:"home"`   // not created; "" is /nonexistent
	Groups []string `json:"groups"` // further groups, which must exist
}

// Sysctls are kernel settings as they are now. The file in /etc/sysctl.d that
// keeps them over a reboot is a File beside it.
type Sysctls struct {
	Values map[string]string `json:"values"` // net.ipv4.ip_nonlocal_bind -> 1
}

// OnChange says what a running unit needs when a file it reads has changed.
type OnChange string

// What a change asks of a unit.
const (
	OnChangeReload  OnChange = "reload"
	OnChangeRestart OnChange = "restart"
)

// Read is a file that a unit reads, with the digest it should have loaded.
type Read struct {
	Path     string   `json:"path"`
	Digest   string   `json:"digest"` // hex sha256 of the wanted content
	OnChange OnChange `json:"on_change"`
}

// Interrupts says when a unit's step takes the server out of service for a
// moment, so that the plan must take it out of rotation first.
type Interrupts string

// When a unit's step interrupts the server's users.
const (
	InterruptsNever     Interrupts = ""
	InterruptsOnRestart Interrupts = "restart"
	InterruptsOnChange  Interrupts = "change" // reloads, too
)

// Unit is a systemd unit that runs (or must not run) now and after a reboot. Its
// state includes which version of the files it reads it has loaded, which the
// drop-in of Recorder writes at every start and reload; so a restart that is due
// is an ordinary difference, and a reboot leaves none.
type Unit struct {
	Name       string     `json:"name"`    // with its suffix: haproxy.service
	Running    bool       `json:"running"` // false: stopped and disabled
	Enabled    bool       `json:"enabled"` // started at boot
	Reads      []Read     `json:"reads"`
	Interrupts Interrupts `json:"interrupts"`
}

// Firewall is the server's nftables rule set: the file that is loaded at boot
// and the table "inet scaleup" as it is loaded now. Applying it is a dead man's
// switch: the former rules come back after 30 s unless ConfirmFirewall is called,
// which the operator's side does over a new connection.
type Firewall struct {
	Path    string `json:"path"` // /etc/nftables.conf
	Content []byte `json:"content"`
}

// Release is a folder tree, unpacked whole or not at all under a path that ends
// in its digest. Its content travels beside the request.
type Release struct {
	Path   string `json:"path"`   // …/releases/<digest>
	Digest string `json:"digest"` // hex sha256 of the tree, see TreeDigest
	Keep   int    `json:"keep"`   // newest releases beside this one that are kept; older ones are removed
}

// Slot is one of the two places an app server runs a release in.
type Slot struct {
	Server string `json:"server"` // names the slot in plans: slot:app1/a
	Slot   string `json:"slot"`   // a or b
	Unit   string `json:"unit"`   // systemd unit of the slot
	Link   string `json:"link"`   // link to the release the unit runs
	Target string `json:"target"` // release folder; "": the slot is stopped
	Digest string `json:"digest"` // of the release and of everything else the unit reads; "": the slot is stopped
	Ready  string `json:"ready"`  // URL on the server itself that must answer 200 before the slot counts as started
	Wait   int    `json:"wait"`   // seconds it may take to become ready
}

// Migration is the release's migrate command, run once per release on one app
// server before the release's first slot starts.
type Migration struct {
	Digest string `json:"digest"` // release
	Unit   string `json:"unit"`   // oneshot unit that runs it
	Record string `json:"record"` // file that remembers the last release migrated to
	Link   string `json:"link"`   // link to the release the unit runs
	Target string `json:"target"` // release folder
}

// MySQLData is an initialised MySQL data directory. One that scaleup did not
// initialise, or that a newer MySQL has used, is refused and never touched.
type MySQLData struct {
	Path    string `json:"path"` // /var/lib/mysql
	User    string `json:"user"`
	Version string `json:"version"` // of the MySQL that will open it: "9.7.4"; "" when it is not known
}

// Account is a MySQL account. With an empty Password it authenticates by the
// unix socket: the operating system's user of the same name, or the one of As.
type Account struct {
	User     string   `json:"user"`
	Host     string   `json:"host"`
	Password string   `json:"password"`
	Former   string   `json:"former,omitempty"` // password that is good, too, until every program uses Password; "": none
	As       string   `json:"as,omitempty"`     // without a password: the operating system's user that is let in
	TLS      bool     `json:"tls"`              // REQUIRE SSL
	Grants   []string `json:"grants"`           // "SELECT ON `foobar`.*"; without GRANT … TO
}

// MySQLAccounts are the schema and the accounts every member has before it may
// join its group. They are written without the binary log on each member, since
// a joining member must already know the account that replication signs in with.
type MySQLAccounts struct {
	Socket   string    `json:"socket"`
	Schema   string    `json:"schema"`
	Accounts []Account `json:"accounts"`
}

// Member is the server's MySQL as a member of its group, as its guard reports it.
// Applying it changes nothing: the guard owns membership. A plan waits for it.
type Member struct {
	Server string `json:"server"`
	Status string `json:"status"` // URL of the guard's status on the server itself
	Wait   int    `json:"wait"`   // seconds it may take until it is ONLINE
}
