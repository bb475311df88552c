package check

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strings"

	"scaleup/internal/evidence"
	"scaleup/internal/facts"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

var twins = kind{
	id: "twins", drill: "planned-apply",
	why: "twins stand in for each other: with another configuration, the one that takes over behaves differently from the one that failed",
}

// twinConfigs compares the configurations of each tier's servers, file by file.
func twinConfigs(l evidence.Look) []Finding {
	var found []Finding
	for _, role := range spec.Roles {
		for _, file := range []string{haproxyConfig, keepalivedConfig, nginxConfig, mysqlConfig} {
			found = append(found, oddOnes(l, role, file)...)
		}
	}
	return found
}

// oddOnes are the servers of a tier whose file is not what most of them have.
func oddOnes(l evidence.Look, role spec.Role, file string) []Finding {
	tier := l.Topology.With(role)
	unequal, written := unlike(l, tier), map[string][]line{}
	var have, lack []string
	for _, s := range tier {
		r := l.Of(s.Name)
		if r == nil || r.Errors["configs"] != "" {
			continue
		}
		text, ok := r.Configs[file]
		if !ok {
			lack = append(lack, s.Name)
			continue
		}
		have = append(have, s.Name)
		written[s.Name] = general(text, tier, unequal)
	}
	if len(have) == 0 {
		return nil // no file of this tier
	}
	var found []Finding
	fix := fmt.Sprintf("see what it would change: %s; then: %s", call(l.Topology, "plan --diff"), converge(l.Topology))
	for _, name := range lack {
		found = append(found, twins.found(Warning, name, fix, "%s is missing, and %s has it", file, have[0]))
	}
	model := mostCommon(have, written)
	for _, name := range have {
		if a, b, differ := firstDifference(written[model], written[name]); differ {
			found = append(found, twins.found(Warning, name, fix, "%s differs from %s's: %s, there %s", path.Base(file), model, b, a))
		}
	}
	return found
}

// mostCommon is the first server with the text that most have.
func mostCommon(names []string, written map[string][]line) string {
	count := map[string]int{}
	best := names[0]
	for _, n := range names {
		count[words(written[n])]++
	}
	for _, n := range names {
		if count[words(written[n])] > count[words(written[best])] {
			best = n
		}
	}
	return best
}

func words(lines []line) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.general)
	}
	return strings.Join(all, "\n")
}

// line of a configuration: its place and text, and what of the text twins share.
type line struct {
	number        int
	text, general string
}

func (l line) String() string {
	if l.number == 0 {
		return "nothing"
	}
	return fmt.Sprintf("line %d is %q", l.number, l.text)
}

// own are settings whose value is each server's own.
var own = regexp.MustCompile(`^(router_id|priority|server_id|localpeer)\b[\s=]*\S+`)

var (
	digits = regexp.MustCompile(`[0-9]+`)
	// A name or an address as a whole: not lb1 of lb12, nor 10.0.0.2 of 10.0.0.21.
	whole  = regexp.MustCompile(`[A-Za-z0-9._-]+`)
	blanks = regexp.MustCompile(`\s+`)
)

// general takes from a configuration what may differ between twins: comments, blanks,
// the names and addresses of the tier's servers, and settings that are each server's
// own. Of servers of unlike size, what is derived from it differs, too: all numbers go,
// and HAProxy's lines on buffers.
func general(text string, tier []topology.Server, unlike bool) []line {
	shared := map[string]string{}
	for _, s := range tier {
		shared[s.Name], shared[s.Address.String()] = "(name)", "(address)"
	}
	var lines []line
	for i, t := range strings.Split(text, "\n") {
		t = strings.TrimSpace(t)
		if t == "" || strings.HasPrefix(t, "#") || unlike && strings.HasPrefix(t, "tune.") {
			continue
		}
		g := own.ReplaceAllString(blanks.ReplaceAllString(t, " "), "$1 (own)")
		g = whole.ReplaceAllStringFunc(g, func(word string) string { return cmp.Or(shared[word], word) })
		if unlike {
			g = digits.ReplaceAllString(g, "(number)")
		}
		lines = append(lines, line{number: i + 1, text: t, general: g})
	}
	return lines
}

// unlike reports whether servers of a tier are not of one size and kind, from which
// their configurations are derived.
func unlike(l evidence.Look, tier []topology.Server) bool {
	var model *facts.Facts
	for _, s := range tier {
		f := l.Answers[s.Name].Response.Facts
		switch {
		case f == nil:
		case model == nil:
			model = f
		case f.Memory != model.Memory || f.CPUs != model.CPUs || f.OpenFiles != model.OpenFiles:
			return true
		}
	}
	return false
}

// firstDifference is the first line in which two configurations differ. Where one ends,
// its line has the number 0.
func firstDifference(a, b []line) (inA, inB line, differ bool) {
	for i := range max(len(a), len(b)) {
		la, lb := line{}, line{}
		if i < len(a) {
			la = a[i]
		}
		if i < len(b) {
			lb = b[i]
		}
		if la.general != lb.general {
			return la, lb, true
		}
	}
	return line{}, line{}, false
}
