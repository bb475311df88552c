package spec

// web reads the web: stanza.
func (d decoder) web(n node) WebTier {
	var w WebTier
	if m, ok := n.mapping(); ok {
		if e, ok := m.require("static", "add static: with the folder of static files"); ok {
			w.Static = d.path(e, "use the folder of static files")
		}
	}
	return w
}
