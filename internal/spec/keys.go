package spec

// siteKeys is the site file, key by key, in the order in which one would write it.
var siteKeys = &Key{
	Title: "Site file of scaleup",
	Meaning: "One web site: its servers, and the program, the static files and the database they serve it with. " +
		"Keys that are not described here are refused.",
	Kind: Mapping,
	Keys: []Key{
		{
			Name: "site", Title: "Host name of the site", Kind: Text, Required: true, Pattern: hostName, Example: "www.example.com",
			Meaning: "The name that users type. The certificate is made for it, and its DNS record has to lead to the public virtual address.",
		},
		labKeys, serversKeys, vipsKeys, sshKeys, tlsKeys, webKeys, appKeys, databaseKeys, drillKeys, drillsKey, objectivesKeys,
	},
}

var labKeys = Key{
	Name: "lab", Title: "Where the servers without an address live", Kind: Mapping,
	Meaning: "Servers without an address are made by the lab: machines of their own on this computer, in a network of their own. " +
		"Where servers have addresses, leave it out; with it, they are the bare machines that scaleup lab bare boots for practice.",
	Else: "A lab with the defaults below, unless servers have addresses.",
	Keys: []Key{
		{
			Name: "name", Title: "Name of the lab", Kind: Text, Pattern: labName, Default: defaultLab.Name, Example: "example-ha",
			Meaning: "It keys the machines, the bridge and the folder of secrets. Two sites that are up at the same time need two names and two subnets.",
		},
		{
			Name: "subnet", Title: "Network of the lab", Kind: Text, Format: Network, Default: defaultLab.Subnet.String(), Example: "10.78.0.0/24",
			Meaning: "A private IPv4 network that nothing else on this computer uses, /16 to /26. Its first address is this computer's own.",
		},
	},
}

var serversKeys = Key{
	Name: "servers", Title: "The servers by name", Kind: Mapping, Required: true, Names: serverName,
	Meaning: "Each server has one role, and every role needs at least one server. Two of a role survive the loss of one; " +
		"database servers do from three on, since a majority of them must agree on the primary. Their number is odd, at most nine.",
	Each: &Key{
		Title: "One server", Kind: Mapping, Meaning: "A machine with one role.",
		Keys: []Key{
			{
				Name: "role", Title: "What the server does", Kind: Text, Required: true, Words: roleNames, Example: string(Web),
				Meaning: "loadbalancer: HAProxy, and keepalived for the virtual addresses. web: Nginx and the static files. " +
					"app: your program, in one of two slots. database: a member of the MySQL group.",
			},
			{
				Name: "address", Title: "Address at which SSH reaches it", Kind: Text, Format: Address, Example: "10.78.0.31",
				Meaning: "The IPv4 address of a server of your own. Either every server has one or none has.",
				Else:    "The lab makes the server and chooses its address.",
			},
		},
	},
}

var vipsKeys = Key{
	Name: "vips", Title: "Virtual addresses", Kind: Mapping,
	Meaning: "Two free addresses in the network of the load balancers, which keepalived moves between them. Servers with addresses need both.",
	Else:    "The lab takes .10 and .11 of its network.",
	Keys: []Key{
		{
			Name: "public", Title: "Address the users reach", Kind: Text, Format: Address, Example: "10.78.0.10",
			Meaning: "Where the DNS record of the site leads: HTTP, which is redirected, and HTTPS.",
			Else:    "Required where servers have addresses.",
		},
		{
			Name: "internal", Title: "Address the tiers reach each other at", Kind: Text, Format: Address, Example: "10.78.0.11",
			Meaning: "Web servers reach the app tier through it, and app servers the database.",
			Else:    "Required where servers have addresses.",
		},
	},
}

var sshKeys = Key{
	Name: "ssh", Title: "How the servers are reached, and who else may", Kind: Mapping,
	Meaning: "How scaleup logs in to servers with an address. In the lab it has a key of its own, and only allow matters.",
	Else:    "The defaults below.",
	Keys: []Key{
		{
			Name: "user", Title: "User to log in as", Kind: Text, Pattern: userName, Default: "root", Example: "admin",
			Meaning: "Any other than root must be allowed to use sudo without a password.",
		},
		{
			Name: "port", Title: "Port of SSH", Kind: Number, Low: 1, High: 65535, Default: 22, Example: 2222,
			Meaning: "The same on every server. The firewalls leave this port open.",
		},
		{
			Name: "key", Title: "Private key", Kind: Text, Format: Path, Default: "~/.ssh/id_ed25519", Example: "~/.ssh/id_example",
			Meaning: "The file with the private key that the servers know.",
		},
		{
			Name: "known_hosts", Title: "Host keys of the servers", Kind: Text, Format: Path, Default: "~/.ssh/known_hosts", Example: "./known_hosts",
			Meaning: "Each server must be in it: a server with another key than the one that is known is not talked to.",
		},
		{
			Name: "allow", Title: "Networks that may open SSH connections", Kind: List, Default: []string{"0.0.0.0/0"}, Example: []string{"203.0.113.0/24"},
			Meaning: "The firewalls let these networks, which must not overlap, reach SSH and the metrics of the load balancers, and nobody else. " +
				"The network of this computer has to be among them.",
			Items: &Key{Kind: Text, Format: Network},
		},
	},
}

var tlsKeys = Key{
	Name: "tls", Title: "Certificate of the site", Kind: Mapping,
	Meaning: "Users are served over HTTPS only.",
	Default: map[string]any{"certificate": "internal"},
	Keys: []Key{{
		Name: "certificate", Title: "Where the certificate comes from", Kind: Choice, Required: true, Words: []string{"internal"}, Example: "internal",
		Meaning: "internal: from a certificate authority of the site's own, which browsers do not know. Otherwise the two files of a certificate of yours.",
		Keys: []Key{
			{
				Name: "cert", Title: "Certificate and chain", Kind: Text, Required: true, Format: Path, Example: "./tls/site.crt",
				Meaning: "A PEM file with the certificate first and its chain after it. It must name the site and be valid now.",
			},
			{
				Name: "key", Title: "Private key of the certificate", Kind: Text, Required: true, Format: Path, Example: "./tls/site.key",
				Meaning: "A PEM file with the private key, without a passphrase.",
			},
		},
	}},
}

var webKeys = Key{
	Name: "web", Title: "The web tier", Kind: Mapping, Required: true,
	Meaning: "What Nginx serves by itself; everything else it passes on to the app tier.",
	Keys: []Key{{
		Name: "static", Title: "Folder of static files", Kind: Text, Required: true, Format: Path, Example: "./static",
		Meaning: "The files are copied to every web server as one release. There must be at least one.",
	}},
}

var appKeys = Key{
	Name: "app", Title: "The app tier", Kind: Mapping, Required: true,
	Meaning: "Your program. It listens on $PORT, finds the database in $MYSQL_HOST and its relatives, and ends what it is doing on SIGTERM. " +
		"A new release starts beside the old one and takes over once it is ready.",
	Keys: []Key{
		{
			Name: "release", Title: "Folder of the program", Kind: Text, Required: true, Format: Path, Example: "./release",
			Meaning: "Everything the program needs. The folder is copied to every app server as it is.",
		},
		{
			Name: "command", Title: "How to start the program", Kind: List, Required: true, Example: []string{"./server"},
			Meaning: "The program of the release and its arguments, word by word: no shell reads it. An absolute path is a program of the server's.",
			Items:   &Key{Kind: Text, Format: AnyText},
		},
		{
			Name: "migrate", Title: "How to bring the database up to date", Kind: List, Example: []string{"./server", "migrate"},
			Meaning: "It runs once per release, before the first server starts it. The release before still runs then, so it must keep working.",
			Else:    "Nothing runs.",
			Items:   &Key{Kind: Text, Format: AnyText},
		},
		{
			Name: "health", Title: "Path that tells whether the process works", Kind: Text, Pattern: urlPath, Default: "/healthz", Example: "/health",
			Meaning: "The load balancers ask for it and take a server out of rotation when it fails. " +
				"It should not depend on the database: if it did, one slow database would take out every app server at once.",
		},
		{
			Name: "ready", Title: "Path that tells whether the program can serve", Kind: Text, Pattern: urlPath, Default: "/readyz", Example: "/ready",
			Meaning: "Asked only before a new release takes over, so it should depend on the database.",
		},
		{
			Name: "env", Title: "Further environment of the program", Kind: Mapping, Names: envName,
			Meaning: "Values may hold references: ${secret:mysql} is the password, ${mysql:host}, ${mysql:port}, ${mysql:read_port}, " +
				"${mysql:database}, ${mysql:user} and ${mysql:ca_file} the rest of what a program needs to reach the database. " +
				"PORT, SCALEUP_SERVER and the names that start with MYSQL_ are set by scaleup.",
			Else: "Only what scaleup sets.",
			Each: &Key{Title: "Value of a variable", Kind: Text, Format: AnyText, Example: "${mysql:user}@tcp(${mysql:host}:${mysql:port})/${mysql:database}",
				Meaning: "A text of one line; numbers need quotes."},
		},
		{
			Name: "memory", Title: "Most memory of one running release", Kind: Text, Pattern: size, Default: "512M", Example: "1G",
			Meaning: "An amount in M or G, at least 32M. A program that takes more is ended and started again. During a deploy two releases run, so twice this must be free.",
		},
	},
}

var databaseKeys = Key{
	Name: "database", Title: "The database tier", Kind: Mapping, Required: true,
	Meaning: "A MySQL group with one primary, which takes all writes.",
	Keys: []Key{
		{
			Name: "name", Title: "Name of the program's database", Kind: Text, Required: true, Pattern: schemaName, Example: "example",
			Meaning: "It is made when it is not there. Names of MySQL's own databases, scaleup_drill and scaleup_guard are taken.",
		},
		{
			Name: "packages", Title: "Where MySQL comes from", Kind: Text, Words: []string{string(DebianSid), string(Installed)}, Default: string(DebianSid), Example: string(Installed),
			Meaning: "debian-sid: Debian's own package of unstable, and nothing else from there. installed: what is on the servers already. " +
				"For servers with addresses there is no default: what is installed on them is yours to say.",
		},
	},
}

var drillKeys = Key{
	Name: "drill", Title: "What the drills read and write", Kind: Mapping,
	Meaning: "The load that a drill keeps up while something fails. The paths of one list take turns.",
	Else:    "The first page, /.",
	Keys: []Key{
		{
			Name: "static", Title: "Files of the web servers", Kind: List, Example: []string{"/favicon.svg"},
			Meaning: "Paths that Nginx answers by itself.", Else: "None.", Items: &Key{Kind: Text, Pattern: drillPath},
		},
		{
			Name: "pages", Title: "Pages", Kind: List, Default: []string{"/"}, Example: []string{"/", "/menu"},
			Meaning: "Paths of pages that may come from a cache. The default holds only where no path is named at all.",
			Items:   &Key{Kind: Text, Pattern: drillPath},
		},
		{
			Name: "api", Title: "Answers of the program", Kind: List, Example: []string{"/api/menu"},
			Meaning: "Paths whose answers may not come from a cache.", Else: "None.", Items: &Key{Kind: Text, Pattern: drillPath},
		},
		{
			Name: "writes", Title: "What is written", Kind: Text, Words: []string{writesOrders, writesRows}, Default: writesRows, Example: writesOrders,
			Meaning: "rows: rows of a table of the drills' own, for any program. orders: orders through the API of the reference application, foobar.",
		},
	},
}

var drillsKey = Key{
	Name: "drills", Title: "Whether drills may break servers that have an address", Kind: Text, Words: []string{"allowed"}, Example: "allowed",
	Meaning: "Drills kill, freeze and cut off programs under load; the power of servers with an address is never cut. Machines of the lab are there for it, your own servers need this word.",
	Else:    "Drills run in the lab only.",
}

var objectivesKeys = Key{
	Name: "objectives", Title: "What drills must not exceed", Kind: Mapping, Known: drillNames,
	Meaning: "Limits by name of the drill. A drill that exceeds one has missed its objective and exits with 2.",
	Else:    "Each drill has limits of its own; scaleup drill --list shows them.",
	Each: &Key{
		Title: "Limits of one drill", Kind: Mapping, Meaning: "What is not said here keeps the drill's own limit.",
		Keys: []Key{
			limit("read_outage_ms", "Longest read outage, in milliseconds", "The longest time in which somebody waited for a read and nobody was answered.", mostMillis, 1000),
			limit("write_outage_ms", "Longest write outage, in milliseconds", "The same for writes.", mostMillis, 8000),
			limit("degraded_ms", "Degraded time, in milliseconds", "The time in which fewer than 99 % of the requests were answered rightly and within a second.", mostMillis, 10000),
			limit("recover_ms", "Time to full redundancy, in milliseconds", "From the moment the fault is healed, or from the fault where the site heals itself.", mostMillis, 60000),
			limit("failed", "Failed requests", "Requests that were begun after the fault took effect, and failed.", mostCount, 0),
			limit("lost", "Lost writes", "Writes that were acknowledged and are missing on some database server.", mostCount, 0),
			limit("duplicated", "Duplicated writes", "Writes that are there more than once.", mostCount, 0),
		},
	},
}

// limit is a number of an objective.
func limit(name, title, meaning string, most int64, example int) Key {
	return Key{Name: name, Title: title, Meaning: meaning, Kind: Number, High: most, Example: example, Else: "The drill's own limit."}
}
