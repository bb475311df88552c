package spec

import "regexp"

// drillPath is a path of the site with an optional query. The characters are those
// that need no quoting in a URL.
var drillPath = regexp.MustCompile(`^/[A-Za-z0-9._~/-]*(\?[A-Za-z0-9._~/=&-]*)?$`)

// What the drills may write.
const (
	writesOrders = "orders" // through the order API of foobar
	writesRows   = "rows"   // rows of a table of their own
)

// drill reads the drill: stanza. What every site has is its first page, so that is
// what is read where the file names nothing.
func (d decoder) drill(f fields) Drill {
	var t Drill
	var m fields
	if n, ok := f.get("drill"); ok {
		m, _ = n.mapping()
	}
	if e, ok := m.get("static"); ok {
		t.Static = e.drillPaths()
	}
	if e, ok := m.get("pages"); ok {
		t.Pages = e.drillPaths()
	}
	if e, ok := m.get("api"); ok {
		t.API = e.drillPaths()
	}
	if e, ok := m.get("writes"); ok {
		t.Orders = e.oneOf([]string{writesOrders, writesRows}, "something the drills write") == writesOrders
	}
	if len(t.Static)+len(t.Pages)+len(t.API) == 0 {
		t.Pages = []string{"/"}
	}
	return t
}

// drillPaths reads what is asked for in turn.
func (n node) drillPaths() []string {
	const hint = "start with / and use letters, digits and . _ ~ - /, then ? and a query if need be, such as [/, /menu]"
	items, ok := n.list(hint)
	if !ok {
		return nil
	}
	var paths []string
	for _, item := range items {
		if p, ok := item.match(drillPath, "a path of the site", hint); ok {
			paths = append(paths, p)
		}
	}
	return paths
}

// drillsAllowed reads the word that lets drills break servers which the lab did not
// make. There is only one: leaving the line out is the other.
func (d decoder) drillsAllowed(f fields) bool {
	const hint = "write drills: allowed, or remove the line"
	n, ok := f.get("drills")
	if !ok {
		return false
	}
	s, ok := n.text(hint)
	if ok && s != "allowed" {
		n.fail(hint, "%s is not the word allowed", quote(s))
		return false
	}
	return ok
}
