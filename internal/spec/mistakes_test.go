package spec

import (
	"strings"
	"testing"
)

func TestSyntaxMistakes(t *testing.T) {
	whole := func(name, text string, line int, reason, hint string) mistake {
		return mistake{name: name, in: text, to: " ", line: line, reason: reason, hint: hint}
	}
	runMistakes(t, newDir(t), []mistake{
		whole("empty", "\n", 1, "the file is empty", "examples/ha.yaml"),
		whole("only a comment", "# nothing\n", 1, "the file is empty", "examples/ha.yaml"),
		whole("a list", "- a\n- b\n", 1, "must be keys with values, not a list", "key: value"),
		whole("a text", "hello\n", 1, "must be keys with values, not a text", "key: value"),
		whole("not UTF-8", "site: a\nlab: \xff\n", 2, "not UTF-8", "UTF-8"),
		whole("NUL", "site: a\n\x00", 2, "NUL byte", "binary"),
		whole("control character", "site: a\nlab: \x1b[31m\n", 2, "control character U+001B", "remove"),
		whole("old Mac line ends", "site: a\rlab: b\r", 1, "control character U+000D", "remove"),
		whole("two documents", good+"---\nsite: b\n", 13, "more than one YAML document", "one site per file"),
		whole("unclosed bracket", "site: [a\n", 1, "not valid YAML", "brackets"),
		whole("unclosed quote", "site: x\nlab: \"a\n", 2, "not valid YAML", "quotes"),
		whole("too large", strings.Repeat("#\n", maxBytes/2+1), 0, "larger than 4 MiB", "right file"),
		whole("too many tokens", strings.Repeat("a: 1\n", maxTokens), 0, "more than 30000 YAML tokens", "right file"),
		whole("too deep", "site: x\na: "+strings.Repeat("[", 17), 2, "nested deeper than 16", "three levels"),
		whole("too many dashes", "site: x\na: ["+strings.Repeat("- ", 17), 2, "nested deeper than 16", "three levels"),
		{name: "tab", from: "  lb1:", to: "\tlb1:", line: 4, reason: "tab used for indentation", hint: "use spaces"},
		{name: "tabs", from: "  lb1: {role: loadbalancer}\n  web1:", to: "\tlb1: {role: loadbalancer}\n  \tweb1:", line: 4, reason: "tab used for indentation", hint: "use spaces (2 lines"},
		{name: "anchor", from: "lab: {", to: "lab: &l {", line: 2, reason: "anchors (&name)", hint: "quotes"},
		{name: "alias", from: "name: foobar-ha", to: "name: *x", line: 2, reason: "aliases (*name)", hint: "quotes"},
		{name: "tag", from: "site: www", to: "site: !!str www", line: 1, reason: "tags (!name)", hint: "quotes"},
		{name: "directive", from: "site: www", to: "%YAML 1.2\n---\nsite: www", line: 1, reason: "directives", hint: "remove"},
		{name: "complex key", to: "? [a, b]\n: c\n", line: 14, reason: "not valid YAML", hint: "indentation"},
		{name: "question mark key", from: "site: www.foobar.com", to: "site: www.foobar.com\n? lob\n: c", line: 2, reason: `not a single word`, hint: "key: value"},
		{name: "merge key", to: "<<: {a: b}\n", line: 13, reason: `unknown key "<<"`, hint: "use one of: site, lab"},
		{name: "unknown key", to: "objectivs: {}\n", line: 13, reason: `unknown key "objectivs"`, hint: "did you mean objectives?"},
		{name: "unknown key inside", from: "subnet", to: "subnetz", line: 2, reason: `unknown key "subnetz" in lab`, hint: "did you mean subnet?"},
		{name: "unlike any key", from: "subnet", to: "colour", line: 2, reason: `unknown key "colour" in lab`, hint: "use one of: name, subnet"},
		{name: "duplicate key", to: "site: a.example\n", line: 13, reason: `duplicate key "site", first on line 1`, hint: "remove one"},
		{name: "duplicate key inside", from: "name: foobar-ha", to: "name: a, name: b", line: 2, reason: `duplicate key "name" in lab, first on line 2`, hint: "remove one"},
		{name: "no value", to: "objectives:\n", line: 13, reason: "objectives: has no value", hint: "remove the line"},
	})
}

func TestBombIsRefusedAtOnce(t *testing.T) {
	bomb := "a: &a [lol, lol]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
	problems := problemsOf(t, bomb, "site.yaml")
	want := "site.yaml:1: anchors (&name) are not supported\n" +
		"  hint: write the value where it is needed; put a text that starts with & in quotes\n" +
		"site.yaml:2: aliases (*name) are not supported\n" +
		"  hint: write the value out; put a text that starts with * in quotes"
	if got := problems.Error(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestServerMistakes(t *testing.T) {
	const db2, more = "  db1: {role: database}\n  db2: {role: database}\n", "  db3: {role: database}\n  db4: {role: database}\n"
	ten := "  db1: {role: database}\n" + more
	for _, n := range []string{"5", "6", "7", "8", "9", "10", "11"} {
		ten += "  db" + n + ": {role: database}\n"
	}
	const db1 = "  db1: {role: database}\n"
	runMistakes(t, newDir(t), []mistake{
		{name: "no site", from: "site: www.foobar.com\n", to: "", line: 1, reason: `"site" is missing`, hint: "site: www.example.com"},
		{name: "site is a number", from: "www.foobar.com", to: "12", line: 1, reason: "site: must be a text, not a number", hint: `"12"`},
		{name: "site with underscore", from: "www.foobar.com", to: "www.foo_bar.com", line: 1, reason: "is not a DNS host name", hint: "www.example.com"},
		{name: "site in capitals", from: "www.foobar.com", to: "WWW.foobar.com", line: 1, reason: "is not a DNS host name", hint: "lower-case"},
		{name: "site is an address", from: "www.foobar.com", to: "192.0.2.1", line: 1, reason: "is not a DNS host name", hint: "www.example.com"},
		{name: "site ends in a dot", from: "www.foobar.com", to: "www.foobar.com.", line: 1, reason: "is not a DNS host name", hint: "www.example.com"},
		{name: "site too long", from: "www.foobar.com", to: strings.Repeat("abcdefghi.", 26) + "com", line: 1, reason: "is not a DNS host name", hint: "www.example.com"},
		{name: "site with newline", from: "www.foobar.com", to: `"www.foobar.com\nx"`, line: 1, reason: "holds a newline", hint: "one line"},
		{name: "site empty", from: "www.foobar.com", to: `""`, line: 1, reason: "site: is empty", hint: "www.example.com"},
		{name: "servers a list", from: "servers:\n  lb1: {role: loadbalancer}\n  web1: {role: web}\n  app1: {role: app}\n  db1: {role: database}", to: "servers: [lb1]", line: 3, reason: "servers: must be keys with values, not a list", hint: "key: value"},
		{name: "server a text", from: "web1: {role: web}", to: "web1: web", line: 5, reason: "servers.web1: must be keys with values, not a text", hint: "{key: value}"},
		{name: "no role", from: "web1: {role: web}", to: "web1: {}", line: 5, reason: `servers.web1: "role" is missing`, hint: "loadbalancer, web, app, database"},
		{name: "server without value", from: "web1: {role: web}", to: "web1:", line: 5, reason: "servers.web1: has no value", hint: "give it a value"},
		{name: "mistyped role", from: "role: web", to: "role: wbe", line: 5, reason: `servers.web1.role: "wbe" is not a role`, hint: "did you mean web?"},
		{name: "role unlike any", from: "role: web", to: "role: cache", line: 5, reason: `"cache" is not a role`, hint: "use one of: loadbalancer, web, app, database"},
		{name: "missing role", from: "  app1: {role: app}\n", to: "", line: 3, reason: "servers: no server has the role app", hint: "app1: {role: app}"},
		{name: "missing role, name taken", from: "app1: {role: app}", to: "app1: {role: web}", line: 3, reason: "no server has the role app", hint: "app2: {role: app}"},
		{name: "missing role over SSH", in: goodRemote, from: "  db1: {role: database, address: 192.0.2.51}\n", to: "", line: 2, reason: "no server has the role database", hint: "db1: {role: database, address: …}"},
		{name: "two databases", from: db1, to: db2, line: 3, reason: "2 database servers: losing 1 leaves no majority", hint: "1, 3, 5, 7 or 9"},
		{name: "four databases", from: db1, to: db2 + more, line: 3, reason: "4 database servers: losing 2 leaves no majority", hint: "1, 3, 5, 7 or 9"},
		{name: "eleven databases", from: db1, to: ten + "  db2: {role: database}\n", line: 3, reason: "at most 9 members", hint: "1, 3, 5, 7 or 9"},
		{name: "two of one name", from: "app1:", to: "web1: {role: web}\n  app1:", line: 6, reason: `duplicate server "web1" in servers, first on line 5`, hint: "another name"},
		{name: "name in capitals", from: "web1:", to: "Web1:", line: 5, reason: `"Web1" is not a server name`, hint: "lower-case"},
		{name: "name with a dot", from: "web1:", to: "web1.example:", line: 5, reason: `"web1.example" is not a server name`, hint: "web1"},
		{name: "name ends in a hyphen", from: "web1:", to: "web-:", line: 5, reason: "is not a server name", hint: "web1"},
		{name: "name starts with a digit", from: "web1:", to: "1:", line: 5, reason: `"1" is not a server name`, hint: "letter"},
		{name: "name too long", from: "web1:", to: strings.Repeat("w", 33) + ":", line: 5, reason: "is not a server name", hint: "32"},
		{name: "name with escapes", from: "web1:", to: `"web\n1":`, line: 5, reason: `"web\n1" is not a server name`, hint: "letter"},
	})
}

func TestAddressMistakes(t *testing.T) {
	bare := strings.ReplaceAll(goodRemote, "192.0.2.", "10.79.0.")
	bare = strings.Replace(bare, "servers:", "lab: {name: b, subnet: 10.79.0.0/24}\nservers:", 1)
	withVIPs := strings.Replace(good, "{name: foobar}\n", "{name: foobar, packages: debian-sid}\n"+
		"vips: {public: 10.77.0.10, internal: 10.77.0.11}\n", 1)
	const vips = "vips: {public: 192.0.2.10, internal: 192.0.2.11}\n"
	remote := func(name, from, to string, line int, reason, hint string) mistake {
		return mistake{name, goodRemote, from, to, line, reason, hint}
	}
	inLab := func(name, from, to string, line int, reason, hint string) mistake {
		return mistake{name, bare, from, to, line, reason, hint}
	}
	runMistakes(t, newDir(t), []mistake{
		remote("malformed", "192.0.2.31", "192.0.2.310", 4, `servers.web1.address: "192.0.2.310" is not an IPv4 address`, "192.0.2.10"),
		remote("leading zero", "192.0.2.31", "192.0.2.031", 4, "is not an IPv4 address", "192.0.2.10"),
		remote("IPv6", "192.0.2.31", `"2001:db8::1"`, 4, "IPv6 addresses are not built yet", "IPv4"),
		remote("loopback", "192.0.2.31", "127.0.0.1", 4, "127.0.0.1 cannot be the address", "reach it"),
		remote("broadcast", "192.0.2.31", "255.255.255.255", 4, "cannot be the address", "reach it"),
		remote("null", "192.0.2.31", "", 4, "servers.web1.address: has no value", "value"),
		remote("number", "192.0.2.31", "192.0", 4, "must be a text, not a number", "quotes"),
		remote("same as a server", "192.0.2.31", "192.0.2.21", 4, "192.0.2.21 is also the address of lb1 (line 3)", "of its own"),
		remote("VIP is a server", "public: 192.0.2.10", "public: 192.0.2.21", 7, "vips.public: 192.0.2.21 is also the address of lb1 (line 3)", "of its own"),
		remote("VIPs are the same", "internal: 192.0.2.11", "internal: 192.0.2.10", 7, "vips.internal: 192.0.2.10 is also the address of the public VIP", "of its own"),
		remote("one server without", ", address: 192.0.2.31", "", 4, `server "web1" has no address, but "lb1" has one`, "every server"),
		{"one server with", withVIPs, "{role: web}", "{role: web, address: 10.77.0.31}", 5, `server "web1" has an address, but "lb1" has none`, "or none"},
		remote("no internal VIP", ", internal: 192.0.2.11", "", 7, "vips.internal is missing", "vips: {public: …, internal: …}"),
		remote("VIPs malformed", vips, "vips: no\n", 7, "vips: must be keys with values", "{key: value}"),
		inLab("server outside the lab", "10.79.0.31", "10.78.0.31", 5, "servers.web1.address: 10.78.0.31 is outside the lab's network 10.79.0.0/24", "remove lab:"),
		inLab("VIP outside the lab", "10.79.0.10", "10.78.0.10", 8, "vips.public: 10.78.0.10 is outside", "lab.subnet"),
		inLab("the host's address", "10.79.0.31", "10.79.0.1", 5, "it is this computer's own address", "another"),
		inLab("the network's address", "10.79.0.31", "10.79.0.0", 5, "it is its network address", "another"),
		inLab("the broadcast address", "10.79.0.31", "10.79.0.255", 5, "it is its broadcast address", "another"),
		{name: "VIP outside a pure lab", to: "vips: {public: 10.78.0.10}\n", line: 13, reason: "10.78.0.10 is outside the lab's network 10.77.0.0/24", hint: "lab.subnet"},
		{name: "VIP is the host", to: "vips: {internal: 10.77.0.1}\n", line: 13, reason: "vips.internal: 10.77.0.1 is not free", hint: "another"},
		{name: "lab name", from: "foobar-ha", to: "Foobar", line: 2, reason: `lab.name: "Foobar" is not a lab name`, hint: "at most 20"},
		{name: "lab name too long", from: "foobar-ha", to: "abcdefghijklmnopqrstu", line: 2, reason: "is not a lab name", hint: "at most 20"},
		{name: "subnet malformed", from: "10.77.0.0/24", to: "10.77.0/24", line: 2, reason: `lab.subnet: "10.77.0/24" is not an IPv4 network`, hint: "10.77.0.0/24"},
		{name: "subnet an address", from: "10.77.0.0/24", to: "10.77.0.0", line: 2, reason: "is an address, not a network", hint: "10.77.0.0/32"},
		{name: "subnet not masked", from: "10.77.0.0/24", to: "10.77.0.9/24", line: 2, reason: "not written as its network address", hint: "write 10.77.0.0/24"},
		{name: "subnet public", from: "10.77.0.0/24", to: "198.51.100.0/24", line: 2, reason: "198.51.100.0/24 is not a private network", hint: "10.77.0.0/24"},
		{name: "subnet too small", from: "10.77.0.0/24", to: "10.77.0.0/27", line: 2, reason: "a lab's network is a /16 to /26", hint: "10.77.0.0/24"},
		{name: "subnet too large", from: "10.77.0.0/24", to: "10.0.0.0/8", line: 2, reason: "a lab's network is a /16 to /26", hint: "10.77.0.0/24"},
	})
}

func TestMissingVIPs(t *testing.T) {
	text := strings.Replace(goodRemote, "vips: {public: 192.0.2.10, internal: 192.0.2.11}\n", "", 1)
	problems := problemsOf(t, text, newDir(t)+"/site.yaml")
	if len(problems) != 2 {
		t.Fatalf("got %d problems, want 2:\n%v", len(problems), problems)
	}
	for i, want := range []string{"vips.public is missing", "vips.internal is missing"} {
		if got := problems[i]; got.Line != 2 || !strings.HasPrefix(got.Reason, want) {
			t.Errorf("got line %d, %q, want line 2, %q", got.Line, got.Reason, want)
		}
	}
}

func TestStanzaMistakes(t *testing.T) {
	long := strings.Repeat("x", 65)
	runMistakes(t, newDir(t), []mistake{
		{name: "ssh user", to: "ssh: {user: Root}\n", line: 13, reason: `ssh.user: "Root" is not a user name`, hint: "root"},
		{name: "ssh port", to: "ssh: {port: 65536}\n", line: 13, reason: `ssh.port: "65536" is not a whole number`, hint: "1 to 65535"},
		{name: "ssh port octal", to: "ssh: {port: 022}\n", line: 13, reason: `"022" is not a whole number`, hint: "1 to 65535"},
		{name: "ssh port a text", to: "ssh: {port: ssh}\n", line: 13, reason: "ssh.port: must be a whole number, not a text", hint: "1 to 65535"},
		{name: "ssh key of another", to: "ssh: {key: ~bob/key}\n", line: 13, reason: "home folders of other users", hint: "whole path"},
		{name: "ssh allow nobody", to: "ssh: {allow: []}\n", line: 13, reason: "ssh.allow: the list is empty", hint: "0.0.0.0/0"},
		{name: "ssh allow a text", to: "ssh: {allow: 10.0.0.0/8}\n", line: 13, reason: "ssh.allow: must be a list, not a text", hint: "list of networks"},
		{name: "ssh allow an address", to: "ssh: {allow: [10.0.0.1]}\n", line: 13, reason: "ssh.allow[0]: 10.0.0.1 is an address", hint: "10.0.0.1/32"},
		{name: "ssh allow IPv6", to: "ssh:\n  allow:\n    - 10.0.0.0/8\n    - \"::/0\"\n", line: 16, reason: `ssh.allow[1]: "::/0" is not an IPv4 network`, hint: "list of networks"},
		{name: "ssh allow twice", to: "ssh: {allow: [10.0.0.0/8, 10.1.0.0/16]}\n", line: 13, reason: "10.1.0.0/16 overlaps 10.0.0.0/8", hint: "wider"},
		{name: "acme", to: "tls: {certificate: acme}\n", line: 13, reason: "tls.certificate: acme is not built yet", hint: "internal, or {cert"},
		{name: "certificate mistyped", to: "tls: {certificate: internl}\n", line: 13, reason: `"internl" is not a kind`, hint: "did you mean internal?"},
		{name: "certificate unknown", to: "tls: {certificate: paid}\n", line: 13, reason: `"paid" is not a kind`, hint: "use internal"},
		{name: "certificate true", to: "tls: {certificate: true}\n", line: 13, reason: "must be a text, not true or false", hint: "quotes"},
		{name: "certificate list", to: "tls: {certificate: [a]}\n", line: 13, reason: "must be keys with values, not a list", hint: "{key: value}"},
		{name: "no certificate", to: "tls: {}\n", line: 13, reason: `tls: "certificate" is missing`, hint: "internal"},
		{name: "no key", to: "tls: {certificate: {cert: a.pem}}\n", line: 13, reason: `tls.certificate: "key" is missing`, hint: "private key"},
		{name: "no web", from: "web: {static: static}\n", to: "", line: 1, reason: `"web" is missing`, hint: "web: {static"},
		{name: "no static", from: "static: static", to: "", line: 8, reason: `web: "static" is missing`, hint: "static files"},
		{name: "no app", from: "app:\n  release: release\n  command: [./server]\n", to: "", line: 1, reason: `"app" is missing`, hint: "app: {release"},
		{name: "no release", from: "  release: release\n", to: "", line: 9, reason: `app: "release" is missing`, hint: "release:"},
		{name: "no command", from: "  command: [./server]\n", to: "", line: 9, reason: `app: "command" is missing`, hint: "command: ["},
		{name: "command a text", from: "[./server]", to: "./server", line: 11, reason: "app.command: must be a list, not a text", hint: "[./server"},
		{name: "command empty", from: "[./server]", to: "[]", line: 11, reason: "app.command: the list is empty", hint: "[./server"},
		{name: "command of nothing", from: "[./server]", to: `[""]`, line: 11, reason: "app.command[0]: is empty", hint: "[./server"},
		{name: "command with a number", from: "[./server]", to: "[./server, -p, 80]", line: 11, reason: "app.command[2]: must be a text, not a number", hint: `"80"`},
		{name: "command of two lines", from: "[./server]", to: `[./server, "a\nb"]`, line: 11, reason: "newline", hint: "one line"},
		{name: "health relative", from: "[./server]", to: "[./server]\n  health: healthz", line: 12, reason: `app.health: "healthz" is not a path`, hint: "/healthz"},
		{name: "ready with a space", from: "[./server]", to: "[./server]\n  ready: /a b", line: 12, reason: `app.ready: "/a b" is not a path`, hint: "/readyz"},
		{name: "env name", from: "[./server]", to: "[./server]\n  env:\n    log-level: x", line: 13, reason: `app.env: "log-level" is not the name`, hint: "upper-case"},
		{name: "env of the contract", from: "[./server]", to: "[./server]\n  env: {PORT: \"80\"}", line: 12, reason: "app.env: PORT is set by scaleup", hint: "remove"},
		{name: "env of MySQL", from: "[./server]", to: "[./server]\n  env: {MYSQL_DSN: x}", line: 12, reason: "app.env: MYSQL_DSN is set by scaleup", hint: "another name"},
		{name: "env a number", from: "[./server]", to: "[./server]\n  env: {WORKERS: 4}", line: 12, reason: "app.env.WORKERS: must be a text, not a number", hint: `"4"`},
		{name: "env newline", from: "[./server]", to: "[./server]\n  env:\n    A: |\n      b\n      c", line: 13, reason: "app.env.A: \"b\\nc", hint: "one line"},
		{name: "env twice", from: "[./server]", to: "[./server]\n  env: {A: b, A: c}", line: 12, reason: `duplicate variable "A" in app.env`, hint: "remove"},
		{name: "env reference mistyped", from: "[./server]", to: "[./server]\n  env: {A: \"${mysql:hots}\"}", line: 12, reason: `"${mysql:hots}" is not a known reference`, hint: "did you mean ${mysql:host}?"},
		{name: "env reference unknown", from: "[./server]", to: "[./server]\n  env: {A: \"x ${HOME} y\"}", line: 12, reason: `"${HOME}" is not a known reference`, hint: "${secret:mysql}, ${mysql:host}"},
		{name: "env reference open", from: "[./server]", to: "[./server]\n  env: {A: \"${secret:mysql\"}", line: 12, reason: `"${secret:mysql" is not a known reference`, hint: "did you mean ${secret:mysql}?"},
		{name: "memory a number", from: "[./server]", to: "[./server]\n  memory: 512", line: 12, reason: "app.memory: must be a text, not a number", hint: "512"},
		{name: "memory unit", from: "[./server]", to: "[./server]\n  memory: 512MB", line: 12, reason: `"512MB" is not an amount of memory`, hint: "512M or 1G"},
		{name: "memory too small", from: "[./server]", to: "[./server]\n  memory: 31M", line: 12, reason: "31M is less than 32M", hint: "at least 32M"},
		{name: "no database", from: "database: {name: foobar}\n", to: "", line: 1, reason: `"database" is missing`, hint: "database: {name"},
		{name: "no database name", from: "{name: foobar}", to: "{}", line: 12, reason: `database: "name" is missing`, hint: "name:"},
		{name: "database name", from: "{name: foobar}", to: "{name: foo-bar}", line: 12, reason: `"foo-bar" is not a database name`, hint: "letter"},
		{name: "database name too long", from: "{name: foobar}", to: "{name: " + long + "}", line: 12, reason: "is not a database name", hint: "64"},
		{name: "database of MySQL", from: "{name: foobar}", to: "{name: sys}", line: 12, reason: `"sys" is a database of MySQL itself`, hint: "of your own"},
		{name: "database of the drills", from: "{name: foobar}", to: "{name: scaleup_drill}", line: 12, reason: `"scaleup_drill" is the drills' own database`, hint: "of your own"},
		{name: "database of the guards", from: "{name: foobar}", to: "{name: scaleup_guard}", line: 12, reason: `"scaleup_guard" is the guards' own database`, hint: "of your own"},
		{name: "packages over SSH", in: goodRemote, from: ", packages: debian-sid", to: "", line: 12, reason: `database: "packages" is missing`, hint: "debian-sid, or installed"},
		{name: "packages mistyped", from: "{name: foobar}", to: "{name: foobar, packages: debian}", line: 12, reason: `"debian" is not a source`, hint: "use one of: debian-sid, oracle, installed"},
		{name: "oracle", from: "{name: foobar}", to: "{name: foobar, packages: oracle}", line: 12, reason: "database.packages: oracle is not built yet", hint: "debian-sid, or installed"},
		{name: "drill unknown", to: "objectives:\n  lb-holder-of: {failed: 1}\n", line: 14, reason: `unknown key "lb-holder-of" in objectives`, hint: "did you mean lb-holder-off?"},
		{name: "objective unknown", to: "objectives:\n  web-off: {failures: 1}\n", line: 14, reason: `unknown key "failures" in objectives.web-off`, hint: "failed"},
		{name: "objective negative", to: "objectives:\n  web-off:\n    read_outage_ms: -1\n", line: 15, reason: `objectives.web-off.read_outage_ms: "-1" is not a whole number`, hint: "0 to"},
		{name: "drill a list", to: "drill: [/]\n", line: 13, reason: "drill: must be keys with values, not a list", hint: "{key: value}"},
		{name: "drill key unknown", to: "drill: {page: [/]}\n", line: 13, reason: `unknown key "page" in drill`, hint: "did you mean pages?"},
		{name: "drill path a text", to: "drill: {pages: /}\n", line: 13, reason: "drill.pages: must be a list, not a text", hint: "[/, /menu]"},
		{name: "drill without paths", to: "drill:\n  static: []\n", line: 14, reason: "drill.static: the list is empty", hint: "[/, /menu]"},
		{name: "drill path relative", to: "drill:\n  api:\n    - /api/menu\n    - api/menu\n", line: 16, reason: `drill.api[1]: "api/menu" is not a path of the site`, hint: "start with /"},
		{name: "drill path a URL", to: "drill: {pages: [\"https://www.foobar.com/\"]}\n", line: 13, reason: "is not a path of the site", hint: "start with /"},
		{name: "drill path with a fragment", to: "drill: {pages: [\"/menu#top\"]}\n", line: 13, reason: `"/menu#top" is not a path of the site`, hint: "query"},
		{name: "drill path with two queries", to: "drill: {pages: [\"/menu?a=1?b=2\"]}\n", line: 13, reason: "is not a path of the site", hint: "query"},
		{name: "drill path a number", to: "drill: {pages: [1]}\n", line: 13, reason: "drill.pages[0]: must be a text, not a number", hint: `"1"`},
		{name: "drill writes unknown", to: "drill: {writes: order}\n", line: 13, reason: `drill.writes: "order" is not something the drills write`, hint: "did you mean orders?"},
		{name: "drill writes nothing", to: "drill: {writes: none}\n", line: 13, reason: `"none" is not something the drills write`, hint: "use one of: orders, rows"},
		{name: "drills forbidden", to: "drills: forbidden\n", line: 13, reason: `drills: "forbidden" is not the word allowed`, hint: "remove the line"},
		{name: "drills true", to: "drills: true\n", line: 13, reason: "drills: must be a text, not true or false", hint: "quotes"},
		{name: "objective not whole", to: "objectives:\n  web-off: {failed: 0.5}\n", line: 14, reason: "must be a whole number, not a number", hint: "whole number from 0"},
	})
}

func TestAllMistakesAreReportedByLine(t *testing.T) {
	text := strings.NewReplacer("www.foobar.com", "www_foobar", "role: web}", "role: wbe}", "foobar}", "sys}").Replace(good)
	problems := problemsOf(t, text, newDir(t)+"/site.yaml")
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	if want := []int{1, 5, 12}; len(lines) != 3 || lines[0] != want[0] || lines[1] != want[1] || lines[2] != want[2] {
		t.Errorf("got lines %v, want %v:\n%v", lines, want, problems)
	}
}
