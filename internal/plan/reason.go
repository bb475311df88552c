package plan

import (
	"strings"

	"scaleup/internal/resource"
)

// step describes how one far-end resource gets from a state to another.
func step(item Item, from State) Step {
	s := Step{
		Server: item.Server, Component: item.Component, Resource: item.Spec.ID(),
		From: from, To: item.Spec.Want(), Action: Update, Reason: "it is " + brief(from),
	}
	switch spec := item.Spec.(type) {
	case *resource.File:
		s.Action, s.Reason = fileReason(from, s.To)
	case *resource.Directory, *resource.Link, *resource.User, *resource.MySQLData:
		if from == resource.Absent {
			s.Action, s.Reason = Create, "it is not there"
		}
	case *resource.AbsentPath:
		s.Action, s.Reason = Remove, "it would override what scaleup configures"
	case *resource.Packages:
		s.Action, s.Reason = Install, string(from)
	case *resource.Sysctls:
		s.Reason = "kernel settings differ: " + difference(string(from), string(s.To))
	case *resource.Unit:
		s.Action, s.Reason = unitReason(from, s.To)
	case *resource.Firewall:
		s.Reason = "the rules differ from those loaded"
		if from == resource.Absent {
			s.Action, s.Reason = Create, "no rules are loaded"
		}
	case *resource.Release:
		s.Action, s.Reason = Create, "release "+spec.Digest[:min(12, len(spec.Digest))]+" is not on the server"
	case *resource.Slot:
		s.Action, s.Reason = Start, "this release and configuration do not run yet"
		if spec.Target == "" {
			s.Action, s.Reason = Stop, "the other slot serves"
		}
	case *resource.Migration:
		s.Action, s.Reason = Migrate, "the release's migrations have not run"
	case *resource.Member:
		s.Action, s.Reason = Wait, "it is not ONLINE: "+brief(from)
	case *resource.MySQLAccounts:
		s.Reason = "schema or accounts differ"
	}
	return s
}

func fileReason(from, to State) (Action, string) {
	if from == resource.Absent {
		return Create, "it is not there"
	}
	f, t := strings.Fields(string(from)), strings.Fields(string(to))
	switch {
	case len(f) != 3:
		return Update, "it is " + string(from)
	case f[0] != t[0]:
		return Update, "its content differs"
	default:
		return Update, "its mode or owner differs: " + f[1] + " " + f[2]
	}
}

func unitReason(from, to State) (Action, string) {
	action := Action(resource.UnitAction(from, to))
	switch action {
	case Restart:
		return action, "files it reads at start have changed since it started"
	case Reload:
		return action, "files it reads have changed since it loaded them"
	case Start:
		return action, "it is " + brief(from)
	case Enable:
		return action, "it would not start at boot"
	default:
		return action, "it is " + brief(from)
	}
}

// brief is the first word or two of a state, without digests.
func brief(s State) string {
	switch text := string(s); {
	case s == resource.Absent:
		return "not there"
	case s == "":
		return "unknown"
	case strings.Contains(text, " restart:"):
		return text[:strings.Index(text, " restart:")]
	case len(text) > 60:
		return text[:60] + "…"
	default:
		return text
	}
}

// difference lists the words of two states that are not in both.
func difference(from, to string) string {
	var words []string
	have := strings.Fields(from)
	for i, w := range strings.Fields(to) {
		if i >= len(have) || have[i] != w {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}
