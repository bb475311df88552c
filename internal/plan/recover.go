package plan

// Recover gives the database servers that were surveyed the group that replaces a
// lost one, and leaves all else alone: nothing is rolled, because nobody is served.
// The chosen server forms the group, and the others join it.
func Recover(want Desired, got Observed, initial string) Plan {
	m := maker{want: want, got: got, changes: changes(want, got)}
	mysql := func(c change) bool { return c.Component == "mysql" && !gate(c) }
	m.begin()
	for _, s := range m.want.Topology.Servers {
		m.take(s.Name, func(c change) bool { return mysql(c) && passive(c.spec) })
		m.take(s.Name, mysql)
	}
	m.begin()
	m.take(initial, gate)
	m.begin()
	for _, s := range m.want.Topology.Servers {
		m.take(s.Name, gate)
	}
	return Plan{Steps: m.steps}
}
