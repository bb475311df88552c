package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"scaleup/internal/guard"
)

// recoveryDocument is db recover --json without --accept-loss.
type recoveryDocument struct {
	Schema  int              `json:"schema"`
	Site    string           `json:"site"`
	Group   string           `json:"group"`
	Servers []guard.Finding  `json:"servers"`
	Refused string           `json:"refused"` // why nothing would be given up, "" when it would
	Fix     string           `json:"fix"`
	Would   *recoveryOutline `json:"would"` // null when refused
}

// recoveryOutline is what --accept-loss would do. Sets are as MySQL writes them.
type recoveryOutline struct {
	Forms    string            `json:"forms"` // server that forms the group
	With     []string          `json:"with"`  // servers whose word counts
	Lost     []string          `json:"lost"`
	Complete bool              `json:"complete"` // most members of the newest view answer
	GivenUp  string            `json:"given_up"` // by answering servers
	Gaps     map[string]string `json:"gaps"`     // by lost server: what it was heard to have and is given up
	Unheard  []string          `json:"unheard"`  // lost servers of whose transactions nothing is known
}

func (op *operation) explainRecovery(o guard.Outage, decision *guard.Recovery, refusal error) error {
	var refused *guard.RefusedError
	if refusal != nil && !errors.As(refusal, &refused) {
		return refusal
	}
	findings := o.Findings()
	if op.json {
		d := recoveryDocument{Schema: 1, Site: op.topology.Site.Name, Group: o.Group, Servers: findings}
		if refused != nil {
			d.Refused, d.Fix = refused.Reason, refused.Fix
		} else {
			d.Would = outline(decision)
		}
		return writeJSON(op.out, d)
	}
	printFindings(op.out, findings)
	if refused != nil {
		fmt.Fprintf(op.out, "\n--accept-loss would be refused: %s\n  %s\n", refused.Reason, refused.Fix)
		return nil
	}
	from := ""
	if o.From != "" {
		from = " --from " + o.From
	}
	fmt.Fprintf(op.out, "\n%s\nTo do this: scaleup db recover -f %s --accept-loss%s\n", recoveryText(decision), op.topology.Site.File, from)
	return nil
}

func outline(r *guard.Recovery) *recoveryOutline {
	out := &recoveryOutline{
		Forms: r.Recovered.Initial, With: r.Recovered.Voters, Lost: append([]string{}, r.Lost...), Complete: r.Complete,
		GivenUp: r.Recovered.GivenUp, Gaps: map[string]string{}, Unheard: append([]string{}, r.Unheard...),
	}
	for name, gap := range r.Gaps {
		out.Gaps[name] = gap.String()
	}
	return out
}

// printFindings tells what every server knows, a paragraph each.
func printFindings(w io.Writer, findings []guard.Finding) {
	for _, f := range findings {
		if f.Missing != "" {
			fmt.Fprintf(w, "%-8s no word: %s\n", f.Server, f.Missing)
		} else {
			fmt.Fprintf(w, "%-8s %s; %d transactions executed, %d received and not executed\n", f.Server, f.State, f.Executed, f.Backlog)
		}
		if r := f.Record; r != nil {
			fmt.Fprintf(w, "         %s\n", lastView(*r))
		}
		if f.Incomplete {
			fmt.Fprintf(w, "         a clone on it was cut off: its data is a torso and counts for nothing\n")
		}
		if f.Lacks != "" {
			fmt.Fprintf(w, "         lacks what others have: %s\n", f.Lacks)
		}
		if f.Message != "" {
			fmt.Fprintf(w, "         its guard: %s\n", f.Message)
		}
		if f.Last != nil {
			fmt.Fprintf(w, "         %s\n", lastHeard(*f.Last))
		}
	}
}

func lastView(r guard.Record) string {
	if r.Epoch == 0 {
		return "its guard remembers no view of group " + r.Group
	}
	return fmt.Sprintf("last view it was in: %s, epoch %d of group %s: %s; its role was %s, the primary %s",
		r.ViewID, r.Epoch, r.Group, strings.Join(r.Members, " "), cmp.Or(r.Role, "none"), cmp.Or(r.Primary, "none"))
}

func lastHeard(l guard.LastHeard) string {
	ago := (time.Duration(l.Ago * float64(time.Second))).Round(time.Second)
	if l.Ahead == "" {
		return fmt.Sprintf("the guard of %s heard it %s ago: it had nothing then that those who answer lack", l.By, ago)
	}
	return fmt.Sprintf("the guard of %s heard it %s ago: it had what nobody who answers has: %s", l.By, ago, l.Ahead)
}

// recoveryText says what is about to happen and what is given up, as far as is known.
func recoveryText(r *guard.Recovery) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s forms a new group", r.Recovered.Initial)
	if others := slices.DeleteFunc(slices.Clone(r.Recovered.Voters), func(n string) bool { return n == r.Recovered.Initial }); len(others) > 0 {
		fmt.Fprintf(&b, ", and %s joins it", strings.Join(others, " and "))
	}
	if len(r.Lost) > 0 {
		fmt.Fprintf(&b, ". Given up as lost: %s", strings.Join(r.Lost, ", "))
	}
	b.WriteString(".\n")
	if r.Complete {
		fmt.Fprintf(&b, "  Most members of the newest view (%s) answer, so they have every acknowledged write, unless\n  their power failed, too, before it was on their disks.\n", strings.Join(r.Newest.Members, " "))
	} else {
		fmt.Fprintf(&b, "  ACKNOWLEDGED WRITES MAY BE LOST: those who answer are not most of the newest view, or do not know it;\n  the lost servers may have gone on without them, for any length of time.\n")
	}
	if !r.GivenUp.Empty() {
		fmt.Fprintf(&b, "  Given up, %d transactions that others have and %s lacks: %s\n", r.GivenUp.Count(), r.Recovered.Initial, r.GivenUp)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Gaps)) {
		fmt.Fprintf(&b, "  Given up, %d transactions that %s had when it was last heard: %s\n", r.Gaps[name].Count(), name, r.Gaps[name])
	}
	if len(r.Unheard) > 0 {
		fmt.Fprintf(&b, "  What %s had is not known: no guard that answers remembers it.\n", strings.Join(r.Unheard, " and "))
	}
	if !r.Complete && len(r.Lost) > 0 {
		// Servers of an older view cannot form the group without those who answer now.
		fmt.Fprintf(&b, "  Keep %s switched off until scaleup apply can reach them. Were they the newest view, and reach each\n  other and none of the servers above when they come back, they serve as the old group.\n", strings.Join(r.Lost, " and "))
	}
	return b.String()
}
