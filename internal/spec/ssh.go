package spec

import (
	"fmt"
	"net/netip"
	"regexp"
)

// userName is what useradd of Debian accepts.
var userName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// ssh reads the ssh: stanza. Keys are looked at by whoever connects: they may
// be made after the file, as those of a lab are.
func (d decoder) ssh(f fields, remote bool) SSH {
	ssh := SSH{User: "root", Port: 22, Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}
	var m fields
	if n, ok := f.get("ssh"); ok {
		m, _ = n.mapping()
	}
	if e, ok := m.get("user"); ok {
		ssh.User, _ = e.match(userName, "a user name", "use the name of a user who may log in to the servers, such as root")
	}
	if e, ok := m.get("port"); ok {
		port, _ := e.number("")
		ssh.Port = uint16(port)
	}
	ssh.Key = d.sshFile(f, m, "key", "~/.ssh/id_ed25519", remote)
	ssh.KnownHosts = d.sshFile(f, m, "known_hosts", "~/.ssh/known_hosts", remote)
	if e, ok := m.get("allow"); ok {
		ssh.Allow = e.allow()
	}
	return ssh
}

// sshFile reads the path of a file of the operator. It has a default only where
// servers are reached with it.
func (d decoder) sshFile(f, m fields, key, byDefault string, remote bool) string {
	if e, ok := m.get(key); ok {
		return d.path(e, "use a path such as "+byDefault)
	}
	if !remote {
		return ""
	}
	p, err := d.expand(byDefault)
	if err != nil {
		f.r.failAt("ssh", fmt.Sprintf("add %s: with the whole path", key), "%s %s: %v", key, byDefault, err)
	}
	return p
}

// allow reads the networks that may open SSH connections to the servers.
func (n node) allow() []netip.Prefix {
	const hint = "use a list of networks such as [203.0.113.0/24]; [0.0.0.0/0] is everyone"
	items, ok := n.list(hint)
	if !ok {
		return nil
	}
	var nets []netip.Prefix
	for _, item := range items {
		p, ok := item.prefix(hint)
		if !ok {
			continue
		}
		for _, other := range nets {
			if p.Overlaps(other) {
				item.fail("keep the wider of the two", "%s overlaps %s", p, other)
			}
		}
		nets = append(nets, p)
	}
	return nets
}
