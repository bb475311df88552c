package main

import (
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"scaleup/internal/component"
	"scaleup/internal/host/ssh"
	"scaleup/internal/plan"
	"scaleup/internal/resource"
	"scaleup/internal/secrets"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// documentationNet stands for ssh.allow on the pages (RFC 5737).
var documentationNet = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}

// tierNames are the roles as the pages call them.
var tierNames = map[spec.Role]string{
	spec.LoadBalancer: "load balancers", spec.Web: "web servers", spec.App: "app servers", spec.Database: "database servers",
}

// portsPage lists who may reach what, by tier: what the firewalls let in.
func portsPage(t *topology.Topology) string {
	var b strings.Builder
	b.WriteString("# Ports and flows\n\nWhat the firewall of each server lets in, here for `examples/ha.yaml`. Everything else is dropped. " +
		"The virtual addresses are on one load balancer at a time; the rules are the same on each.\n\n")
	b.WriteString(flowMatrix(t))
	for _, role := range spec.Roles {
		fmt.Fprintf(&b, "\n## To the %s\n\n| From | To | Port | Why |\n|---|---|---|---|\n", tierNames[role])
		for _, row := range flowRows(t, t.With(role)[0]) {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row.from, row.to, row.port, row.why)
		}
	}
	return b.String()
}

// flowRow is one permission in the words of the page.
type flowRow struct{ from, to, port, why string }

// flowRows puts the flows to a server into words that are the same for its whole tier.
func flowRows(t *topology.Topology, s topology.Server) []flowRow {
	var rows []flowRow
	for _, f := range t.FlowsTo(s) {
		to := "the server's own address"
		switch f.To {
		case t.Public:
			to = "the public virtual address"
		case t.Internal:
			to = "the internal virtual address"
		}
		rows = append(rows, flowRow{sourceName(t, s, f.From), to, portName(f), f.Why})
	}
	return rows
}

// sourceName says who a list of sources is.
func sourceName(t *topology.Topology, to topology.Server, from []netip.Prefix) string {
	if slices.Equal(from, documentationNet) {
		return "the networks of `ssh.allow`"
	}
	var names []string
	for _, p := range from {
		i := slices.IndexFunc(t.Servers, func(s topology.Server) bool { return p == netip.PrefixFrom(s.Address, 32) })
		if i < 0 {
			return map[bool]string{true: "anyone", false: p.String()}[p.Bits() == 0]
		}
		names = append(names, t.Servers[i].Name)
	}
	for _, role := range spec.Roles {
		tier := t.Names(role)
		if slices.Equal(names, tier) {
			return "the " + tierNames[role]
		}
		if slices.Equal(names, slices.DeleteFunc(tier, func(name string) bool { return name == to.Name })) {
			return "the other " + tierNames[role]
		}
	}
	return strings.Join(names, ", ")
}

func portName(f topology.Flow) string {
	if len(f.Ports) == 0 {
		return strings.ToUpper(f.Protocol)
	}
	ports := make([]string, len(f.Ports))
	for i, p := range f.Ports {
		ports[i] = strconv.Itoa(p)
	}
	return f.Protocol + " " + strings.Join(ports, ", ")
}

// flowMatrix is the table of sources and tiers, with the ports where they meet.
func flowMatrix(t *topology.Topology) string {
	cells := map[string]map[spec.Role][]string{}
	var sources []string
	for _, role := range spec.Roles {
		for _, row := range flowRows(t, t.With(role)[0]) {
			from := strings.Replace(row.from, "the other ", "the ", 1)
			if cells[from] == nil {
				cells[from] = map[spec.Role][]string{}
				sources = append(sources, from)
			}
			cells[from][role] = append(cells[from][role], row.port)
		}
	}
	var b strings.Builder
	b.WriteString("| From \\ to |")
	for _, role := range spec.Roles {
		b.WriteString(" " + tierNames[role] + " |")
	}
	b.WriteString("\n|---|---|---|---|---|\n")
	for _, from := range sources {
		fmt.Fprintf(&b, "| %s |", from)
		for _, role := range spec.Roles {
			b.WriteString(" " + strings.Join(cells[from][role], "; ") + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// digest is rendered as that of every release, and shown as placeholder.
var digest = strings.Repeat("0", 64)

const placeholder = "DIGEST"

// filesPage lists what scaleup holds on the servers of each role.
func filesPage(t *topology.Topology) (string, error) {
	op := &operation{topology: t}
	want, err := op.reference(secrets.Placeholder(t), component.Releases{App: digest, Static: digest})
	if err != nil {
		return "", err
	}
	binaryPath := ssh.Binary{Digest: placeholder}.RemotePath()
	var b strings.Builder
	b.WriteString("# Files, packages and units on each server\n\nWhat scaleup holds on the servers of each role, for `examples/ha.yaml` on Debian 13. " +
		"`scaleup render` writes the files of a site of yours, `scaleup plan --diff` shows what would change. " +
		"Secrets are readable by the program that needs them only, and are left out of renderings. " +
		"What programs write themselves (logs, caches, data) is not listed. " + placeholder +
		" stands for the digest of a release or of scaleup itself, which lies at `" + binaryPath + "` on every server.\n")
	for _, role := range spec.Roles {
		fmt.Fprintf(&b, "\n## On the %s\n\n| Component | Kind | What | How |\n|---|---|---|---|\n", tierNames[role])
		for _, row := range heldRows(t, want.Items, role) {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row.component, row.kind, row.what, row.how)
		}
	}
	b.WriteString(ownFiles)
	return strings.NewReplacer(digest, placeholder, referenceBinary, binaryPath).Replace(b.String()), nil
}

// ownFiles is what scaleup keeps on the computer that it is run on.
const ownFiles = "\n## On your own computer\n\n" +
	"In `.scaleup/NAME/` beside the site file, by the name of the lab or of the site, for its owner only (0700, the files 0600):\n\n" +
	"| What | Holds |\n|---|---|\n" +
	"| `secrets.json` | passwords of the database accounts, keys of the TLS tickets |\n" +
	"| `ca.pem`, `ca.key` | the site's own authority; nobody else has the key |\n" +
	"| `certs/` | the certificates that it has signed |\n" +
	"| `id_ed25519` | the key to the machines of a lab |\n" +
	"| `known_hosts…` | the keys of servers that SSH has to know |\n" +
	"| `journal.ndjson` | every step of every command that changed something |\n" +
	"| `drills/TIME/NAME/` | what a drill has measured |\n" +
	"| `faults/ID.json` | what a drill has broken in the lab, until it is mended |\n" +
	"| `faults/reaper.log` | what the processes did that mend the lab when a drill does not: each attempt, its time and why it failed. It goes on in a new file after 256 KiB; the former is `reaper.log.1` |\n" +
	"| `lock`, `drill.lock` | held by the command, or the drill, that runs |\n"

// heldRow is one thing that servers of a role hold.
type heldRow struct{ component, kind, what, how string }

// heldRows lists what the servers of a role hold, each thing once; what only some of
// them hold says which.
func heldRows(t *topology.Topology, items []plan.Item, role spec.Role) []heldRow {
	var rows []heldRow
	on := map[heldRow][]string{}
	for _, server := range t.Names(role) {
		for _, item := range items {
			row, ok := held(item)
			if item.Server != server || !ok {
				continue
			}
			if on[row] == nil {
				rows = append(rows, row)
			}
			on[row] = append(on[row], server)
		}
	}
	for i, row := range rows {
		if servers := on[row]; len(servers) < len(t.Names(role)) {
			rows[i].how += "; on " + strings.Join(servers, ", ") + " only"
		}
	}
	return rows
}

// held puts a resource into words; false for one that is neither a file, a package nor
// a unit.
func held(item plan.Item) (heldRow, bool) {
	row := func(kind, what, how string) (heldRow, bool) {
		return heldRow{item.Component, kind, "`" + what + "`", how}, true
	}
	switch r := item.Spec.(type) {
	case *resource.File:
		how := access(r.Mode, r.Owner, r.Group)
		if r.Secret {
			how += "; secret"
		}
		return row("file", r.Path, how)
	case *resource.Firewall:
		return row("firewall", r.Path, "loaded at once and at boot")
	case *resource.Directory:
		return row("folder", r.Path, access(r.Mode, r.Owner, r.Group))
	case *resource.Link:
		return row("link", r.Path, "to `"+r.Target+"`")
	case *resource.AbsentPath:
		return row("file", r.Path, "removed")
	case *resource.Packages:
		how := ""
		if r.Release != "" {
			how = "from " + r.Release
		}
		return row("packages", strings.Join(r.Names, "`, `"), how)
	case *resource.User:
		return row("user", r.Name, "no login")
	case *resource.Unit:
		return row("unit", r.Name, unitState(r))
	case *resource.Release:
		return row("release", r.Path, fmt.Sprintf("and the %d before it", r.Keep))
	case *resource.Slot:
		return row("unit", r.Unit, "runs a release; one slot at a time but during a deploy")
	case *resource.Migration:
		return row("unit", r.Unit, "runs once per release")
	}
	return heldRow{}, false
}

// access is a mode and who owns it.
func access(mode fs.FileMode, owner, group string) string {
	name := func(s string) string {
		if s == "" {
			return "root"
		}
		return s
	}
	return fmt.Sprintf("%04o %s:%s", mode.Perm(), name(owner), name(group))
}

func unitState(u *resource.Unit) string {
	switch {
	case u.Running && u.Enabled:
		return "running, and started at boot"
	case u.Running:
		return "running"
	case u.Enabled:
		return "started at boot"
	}
	return "stopped and disabled"
}
