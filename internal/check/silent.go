package check

import (
	"maps"
	"slices"
	"strings"

	"scaleup/internal/evidence"
)

var silent = kind{id: "silent", why: "its tier has one server less to lose, and nothing else about it can be checked"}

// unanswered names the servers that did not answer.
func unanswered(l evidence.Look) []Finding {
	var found []Finding
	for _, name := range l.Missing() {
		a := l.Answers[name]
		fix, message := "see what keeps it from answering: "+call(l.Topology, "doctor"), "shows nothing of itself"
		switch {
		case a.Off:
			fix, message = call(l.Topology, "lab on "+name), "is powered off"
		case a.Err != nil:
			message = "does not answer: " + strings.Join(strings.Fields(a.Err.Error()), " ")
		}
		found = append(found, silent.found(Warning, name, fix, "%s", message))
	}
	return found
}

var unread = kind{id: "unread", why: "what cannot be read cannot be checked: this is a gap in the check, and may hide what it looks for"}

// unreadable tells what a server could not show.
func unreadable(l evidence.Look) []Finding {
	var found []Finding
	for _, s := range l.Topology.Servers {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		for _, part := range slices.Sorted(maps.Keys(r.Errors)) {
			if part == "rules" && noTable(r) {
				continue // a finding of its own
			}
			why := strings.Join(strings.Fields(r.Errors[part]), " ")
			found = append(found, unread.found(Warning, s.Name, "see whether something is in the way: "+call(l.Topology, "doctor"), "%s could not be read: %s", part, why))
		}
	}
	return found
}
