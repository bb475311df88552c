package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var serverName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`)

// roleNames are the roles as a file spells them.
var roleNames = []string{string(LoadBalancer), string(Web), string(App), string(Database)}

// servers reads the servers: stanza. A server that could be read in part is
// kept, so that it counts where servers are counted.
func (d decoder) servers(n node) []Server {
	f, ok := n.entries("server")
	if !ok {
		return nil
	}
	var servers []Server
	for _, e := range f.entries {
		servers = append(servers, d.server(e))
	}
	return servers
}

// server reads one line of the servers: stanza.
func (d decoder) server(n node) Server {
	s := Server{Name: n.key, Line: n.at}
	if !serverName.MatchString(n.key) {
		n.r.fail(n.at, "start with a letter and use at most 32 lower-case letters, digits and hyphens, such as web1",
			"%s is not a server name", quote(n.key))
	}
	f, ok := n.mapping()
	if !ok {
		return s
	}
	if e, ok := f.require("role", "add one of: "+strings.Join(roleNames, ", ")); ok {
		s.Role = Role(e.oneOf(roleNames, "a role"))
	}
	if e, ok := f.get("address"); ok {
		s.Address = e.address()
	}
	return s
}

// oneOf reads a text that is one of the known words; what names their kind.
func (n node) oneOf(known []string, what string) string {
	s, ok := n.text("use one of: " + strings.Join(known, ", "))
	if ok && !slices.Contains(known, s) {
		n.fail(didYouMean(s, known), "%s is not %s", quote(s), what)
		return ""
	}
	return s
}

// maxMembers is what Group Replication allows in one group.
const maxMembers = 9

// checkRoles checks that every role has servers, and the database a number of
// them that can vote. It counts only when every role could be read: a mistyped
// role is reported once, not again as a missing one.
func checkRoles(r *report, s *Site) {
	_, given := r.lines["servers"]
	unread := slices.ContainsFunc(s.Servers, func(v Server) bool { return v.Role == "" })
	if !given || unread || r.failed["servers"] {
		return
	}
	for _, role := range Roles {
		if len(s.With(role)) == 0 {
			r.failAt("servers", "add a line such as: "+exampleServer(s, role), "no server has the role %s", role)
		}
	}
	n := len(s.With(Database))
	switch {
	case n > maxMembers:
		r.failAt("servers", "use 1, 3, 5, 7 or 9; three survive the loss of one",
			"%d database servers: a MySQL group has at most %d members", n, maxMembers)
	case n > 0 && n%2 == 0:
		r.failAt("servers", "use 1, 3, 5, 7 or 9; three survive the loss of one",
			"%d database servers: losing %d leaves no majority, so %d survive no more than %d do", n, n/2, n, n-1)
	}
}

// exampleServer is a line to add for a role, with a name that is free.
func exampleServer(s *Site, role Role) string {
	short := map[Role]string{LoadBalancer: "lb", Web: "web", App: "app", Database: "db"}[role]
	taken := func(name string) bool {
		return slices.ContainsFunc(s.Servers, func(v Server) bool { return v.Name == name })
	}
	i := 1
	for taken(short + strconv.Itoa(i)) {
		i++
	}
	if anyRemote(s) {
		return fmt.Sprintf("%s%d: {role: %s, address: …}", short, i, role)
	}
	return fmt.Sprintf("%s%d: {role: %s}", short, i, role)
}
