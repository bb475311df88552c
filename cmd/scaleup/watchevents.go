package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"scaleup/internal/journal"
	"scaleup/internal/logs"
	"scaleup/internal/status"
)

// event is something that happened to the site, or that was done to it.
type event struct {
	at   time.Time
	text string
}

// differences tells what has changed from one report to the next. What matters most
// comes last, where it stays when there is room for few.
func differences(old, now status.Report) []string {
	var all []string
	all = append(all, backendChanges(old.Tiers, now.Tiers)...)
	for i, s := range now.Servers {
		all = append(all, componentChanges(old.Servers[i], s)...)
	}
	all = append(all, memberChanges(old.Database, now)...)
	for i, s := range now.Servers {
		if was := old.Servers[i].State; s.State != was {
			all = append(all, fmt.Sprintf("%s is %s, was %s", s.Name, s.State, was))
		}
	}
	if was, is := old.Database.Primary, now.Database.Primary; was != is {
		all = append(all, fmt.Sprintf("primary is %s, was %s", orNobody(is), orNobody(was)))
	}
	for i, v := range now.VIPs {
		if was := old.VIPs[i].Holder; v.Holder != was {
			all = append(all, fmt.Sprintf("%s address is held by %s, was by %s", v.Name, orNobody(v.Holder), orNobody(was)))
		}
	}
	return all
}

// componentChanges says nothing of a server that did not answer: that is told already.
func componentChanges(old, now status.Server) []string {
	var all []string
	for _, c := range now.Components {
		i := slices.IndexFunc(old.Components, func(o status.Component) bool { return o.Name == c.Name })
		if i >= 0 && old.Components[i].State != c.State {
			all = append(all, fmt.Sprintf("%s: %s is %s, was %s", now.Name, c.Name, c.State, old.Components[i].State))
		}
	}
	return all
}

// memberChanges leaves out members whose server does not answer.
func memberChanges(old status.Database, now status.Report) []string {
	var all []string
	for i, m := range now.Database.Members {
		s := slices.IndexFunc(now.Servers, func(s status.Server) bool { return s.Name == m.Server })
		if was := old.Members[i].State; m.State != was && s >= 0 && now.Servers[s].State == "up" {
			all = append(all, fmt.Sprintf("%s is %s, was %s", m.Server, m.State, was))
		}
	}
	return all
}

// backendChanges says in one line what happened to a server in several tiers.
func backendChanges(old, now []status.Tier) []string {
	type change struct{ server, is, was string }
	where := map[change][]string{}
	var order []change
	for _, t := range now {
		for _, b := range t.Backends {
			was := backendWas(old, t.Name, b.Server)
			if was == "" || was == b.State {
				continue
			}
			c := change{b.Server, b.State, was}
			if where[c] == nil {
				order = append(order, c)
			}
			where[c] = append(where[c], t.Name)
		}
	}
	var all []string
	for _, c := range order {
		all = append(all, fmt.Sprintf("%s is %s in %s, was %s", c.server, c.is, listed(where[c]), c.was))
	}
	return all
}

func backendWas(tiers []status.Tier, tier, server string) string {
	for _, t := range tiers {
		for _, b := range t.Backends {
			if t.Name == tier && b.Server == server {
				return b.State
			}
		}
	}
	return ""
}

// journalEnd is how much of the journal's end is read, in bytes: some hundred lines.
const journalEnd = 32 << 10

// journalTail reads the newest lines of the site's journal, the oldest of them first. A
// site that was never changed from here has none.
func journalTail(path string, lines int) ([]event, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	from := max(0, size-journalEnd)
	text, err := io.ReadAll(io.NewSectionReader(file, from, size-from))
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	var all []event
	for line := range bytes.Lines(text) {
		var e journal.Event
		if json.Unmarshal(line, &e) != nil {
			continue // cut off by where reading begins, or still being written
		}
		all = append(all, event{e.Time, recorded(e)})
	}
	return all[max(0, len(all)-lines):], nil
}

// recorded says an event of the journal in a line.
func recorded(e journal.Event) string {
	words := []string{command(e.Run) + ":"}
	for _, w := range []string{e.Server, e.Action, e.Resource, string(e.Event)} {
		if w != "" {
			words = append(words, w)
		}
	}
	if e.Message != "" && (e.Event == journal.Failed || e.Event == journal.Note) {
		words = append(words, oneLine(e.Message))
	}
	return logs.Printable(strings.Join(words, " "))
}

// command is the name of the command in the name of its run: apply-20261127T150405.000-31.
func command(run string) string {
	fields := strings.Split(run, "-")
	return cmp.Or(strings.Join(fields[:max(0, len(fields)-2)], "-"), "-")
}
