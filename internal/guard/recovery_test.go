package guard

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outageOf is an outage of three servers in which those that are not named are silent.
func outageOf(servers map[string]server) Outage {
	o := Outage{Group: worldGroup, Voters: worldNames, Initial: "db1", Known: map[string]Known{}, Silent: map[string]string{}, Alive: map[string]string{}}
	for _, name := range worldNames {
		if s, ok := servers[name]; ok {
			o.Known[name] = Known{Answer: s.answer(name), Heard: map[string]Heard{}}
		} else {
			o.Silent[name] = "no route to host"
		}
	}
	return o
}

// outcome sums a recovery up for a table.
type outcome struct {
	Initial        string
	Voters, Lost   []string
	Complete       bool
	GivenUp        string
	Gaps           map[string]string
	Unheard        []string
	Replaces       []string
	KeepsAllItHas  string
	NewestMembers  []string
	RefusedBecause string
}

func outcomeOf(r *Recovery) outcome {
	out := outcome{
		Initial: r.Recovered.Initial, Voters: r.Recovered.Voters, Lost: r.Lost, Complete: r.Complete, GivenUp: r.Recovered.GivenUp,
		Gaps: map[string]string{}, Unheard: r.Unheard, Replaces: r.Recovered.Replaces, KeepsAllItHas: r.Recovered.GTIDs, NewestMembers: r.Newest.Members,
	}
	for name, gap := range r.Gaps {
		out.Gaps[name] = gap.String()
	}
	return out
}

func TestRecover(t *testing.T) {
	three := inView(4, "77:3", "db2", "db1", "db2", "db3")
	pair := inView(4, "77:4", "db3", "db2", "db3")
	alone := inView(4, "77:5", "db3", "db3")
	stopped := func(numbers string, r Record) server { return server{executed: gtids(numbers), record: r} }
	heard := func(o *Outage, by, of string, ago float64, s server) {
		o.Known[by].Heard[of] = Heard{Ago: ago, Error: "no route to host", Answer: s.answer(of)}
	}
	for _, c := range []struct {
		name    string
		servers map[string]server
		change  func(*Outage)
		want    outcome
	}{
		{"one of three is lost, most of the newest view answer", map[string]server{"db1": stopped("1-10", three), "db2": stopped("1-10", three)}, nil,
			outcome{Initial: "db2", Voters: []string{"db1", "db2"}, Lost: []string{"db3"}, Complete: true, Unheard: []string{"db3"},
				KeepsAllItHas: gtids("1-10"), NewestMembers: []string{"db1", "db2", "db3"}}},
		{"not the last primary, but the one that has everything", map[string]server{"db1": stopped("1-11", three), "db2": stopped("1-10", three)}, nil,
			outcome{Initial: "db1", Voters: []string{"db1", "db2"}, Lost: []string{"db3"}, Complete: true, Unheard: []string{"db3"},
				KeepsAllItHas: gtids("1-11"), NewestMembers: []string{"db1", "db2", "db3"}}},
		{"what was received counts", map[string]server{"db1": {executed: gtids("1-9"), received: gtids("1-11"), record: three}, "db2": stopped("1-10", three)}, nil,
			outcome{Initial: "db1", Voters: []string{"db1", "db2"}, Lost: []string{"db3"}, Complete: true, Unheard: []string{"db3"},
				KeepsAllItHas: gtids("1-11"), NewestMembers: []string{"db1", "db2", "db3"}}},
		{"half of the newest view is lost", map[string]server{"db1": stopped("1-8", three), "db2": stopped("1-10", pair)}, nil,
			outcome{Initial: "db2", Voters: []string{"db1", "db2"}, Lost: []string{"db3"}, Unheard: []string{"db3"},
				KeepsAllItHas: gtids("1-10"), NewestMembers: []string{"db2", "db3"}}},
		{"two are lost: they may have gone on", map[string]server{"db1": stopped("1-8", three)}, func(o *Outage) {
			heard(o, "db1", "db3", 3600, stopped("1-12", three))
		}, outcome{Initial: "db1", Voters: []string{"db1"}, Lost: []string{"db2", "db3"}, Unheard: []string{"db2"}, Gaps: map[string]string{"db3": gtids("9-12")},
			KeepsAllItHas: gtids("1-8"), NewestMembers: []string{"db1", "db2", "db3"}}},
		{"what was heard last counts, not before", map[string]server{"db1": stopped("1-8", three), "db2": stopped("1-8", three)}, func(o *Outage) {
			heard(o, "db1", "db3", 60, stopped("1-12", three))
			heard(o, "db2", "db3", 50, stopped("1-13", three))
		}, outcome{Initial: "db2", Voters: []string{"db1", "db2"}, Lost: []string{"db3"}, Complete: true, Gaps: map[string]string{"db3": gtids("9-13")},
			KeepsAllItHas: gtids("1-8"), NewestMembers: []string{"db1", "db2", "db3"}}},
		{"named by hand: others have more", map[string]server{"db1": stopped("1-10", three), "db2": stopped("1-9:12", three)}, func(o *Outage) { o.From = "db1" },
			outcome{Initial: "db1", Voters: []string{"db1", "db2"}, Lost: []string{"db3"}, Complete: true, GivenUp: gtids("12"), Unheard: []string{"db3"},
				KeepsAllItHas: gtids("1-10"), NewestMembers: []string{"db1", "db2", "db3"}}},
		{"a torso of a clone is no voter", map[string]server{"db1": stopped("1-10", pair), "db2": {executed: gtids("1-2"), record: three, change: func(a *Answer) { a.Record.Cloning = true }}}, nil,
			outcome{Initial: "db1", Voters: []string{"db1"}, Lost: []string{"db2", "db3"}, Unheard: []string{"db2", "db3"},
				KeepsAllItHas: gtids("1-10"), NewestMembers: []string{"db2", "db3"}}},
		{"MySQL of another does not start", map[string]server{"db1": stopped("1-10", three), "db2": {record: three, change: func(a *Answer) { a.MySQL = MySQL{Error: "refused"} }}}, nil,
			outcome{Initial: "db1", Voters: []string{"db1"}, Lost: []string{"db2", "db3"}, Unheard: []string{"db2", "db3"},
				KeepsAllItHas: gtids("1-10"), NewestMembers: []string{"db1", "db2", "db3"}}},
		{"a second recovery before the first was done", map[string]server{"db1": {executed: lostGroup + ":1-10", record: Record{}}}, func(o *Outage) { o.Recovered = recoveredWorld(nil) },
			outcome{Initial: "db1", Voters: []string{"db1"}, Lost: []string{"db2", "db3"}, Unheard: []string{"db2", "db3"}, Replaces: []string{lostGroup, worldGroup},
				KeepsAllItHas: lostGroup + ":1-10"}},

		{"nobody answers", nil, nil, outcome{RefusedBecause: "no database server answers"}},
		{"no MySQL answers", map[string]server{"db1": {change: func(a *Answer) { a.MySQL = MySQL{Error: "refused"} }}}, nil, outcome{RefusedBecause: "no database server answers"}},
		{"it serves", map[string]server{"db1": {state: Online, role: Primary, view: "77:3", members: online("db1", "db2"), record: three}, "db2": stopped("1", three)}, nil,
			outcome{RefusedBecause: "db1 is ONLINE in a group with a majority"}},
		{"one has not left yet", map[string]server{"db1": {state: Online, view: "77:3", members: append(online("db1"), Member{Server: "db2", State: Unreachable}), record: three}}, nil,
			outcome{RefusedBecause: "db1 is still ONLINE in a group without a majority"}},
		{"the silent one is seen by a load balancer", map[string]server{"db1": stopped("1-10", three), "db2": stopped("1-10", three)}, func(o *Outage) {
			o.Alive["db3"] = "lb1 finds it at work (mysql_primary)"
		}, outcome{RefusedBecause: "db3 does not answer here (no route to host), but lb1 finds it at work"}},
		{"the silent one answers other guards", map[string]server{"db1": stopped("1-10", three), "db2": stopped("1-10", three)}, func(o *Outage) {
			o.Known["db1"].Heard["db3"] = Heard{Ago: 0.2, Answer: stopped("1-10", three).answer("db3")}
		}, outcome{RefusedBecause: "but the guard of db1 hears from it"}},
		{"the guards can do it", map[string]server{"db2": stopped("1-10", pair), "db3": stopped("1-10", pair)}, nil,
			outcome{RefusedBecause: "nothing needs to be given up: the guard of db3 can go on by itself"}},
		{"the last one alone can do it", map[string]server{"db3": stopped("1-10", alone)}, nil,
			outcome{RefusedBecause: "the guard of db3 can go on by itself"}},
		{"one was told to stay out, and could do it", map[string]server{"db3": {executed: gtids("1-10"), record: alone, change: func(a *Answer) { a.Held = true }}}, nil,
			outcome{RefusedBecause: "the guard of db3 can go on by itself"}},
		{"one is still cleaning up", map[string]server{"db1": {state: Failed, executed: gtids("1-10"), record: three}}, nil,
			outcome{RefusedBecause: "the guard of db1 is still cleaning up"}},
		{"no superset", map[string]server{"db1": stopped("1-10", three), "db2": stopped("1-9:12", three)}, nil,
			outcome{RefusedBecause: "db1 lacks " + gtids("12") + "; db2 lacks " + gtids("10")}},
		{"named, and silent", map[string]server{"db1": stopped("1-10", three)}, func(o *Outage) { o.From = "db3" }, outcome{RefusedBecause: "db3 cannot form the group: no route to host"}},
		{"named, and not of the site", map[string]server{"db1": stopped("1-10", three)}, func(o *Outage) { o.From = "web1" }, outcome{RefusedBecause: "it is not a database server of this site"}},
		{"named, and a torso", map[string]server{"db1": stopped("1-10", three), "db2": {record: three, change: func(a *Answer) { a.Record.Cloning = true }}}, func(o *Outage) { o.From = "db2" },
			outcome{RefusedBecause: "a clone on it did not complete"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := outageOf(c.servers)
			if c.change != nil {
				c.change(&o)
			}
			r, err := o.Recover()
			if refused, ok := errors.AsType[*RefusedError](err); ok && c.want.RefusedBecause != "" {
				if !strings.Contains(refused.Reason, c.want.RefusedBecause) || refused.Fix == "" {
					t.Errorf("refused: %q (%q), want %q", refused.Reason, refused.Fix, c.want.RefusedBecause)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.want.Replaces == nil {
				c.want.Replaces = []string{worldGroup}
			}
			if c.want.Gaps == nil {
				c.want.Gaps = map[string]string{}
			}
			if diff := cmp.Diff(c.want, outcomeOf(r)); diff != "" {
				t.Errorf("recovery (-want +got):\n%s", diff)
			}
			if errs := r.Recovered.validate("ffffffff-0000-4000-8000-00000000000f"); errs != nil {
				t.Errorf("guards would refuse it: %v", errs)
			}
		})
	}
}

func TestFindings(t *testing.T) {
	three := inView(4, "77:3", "db2", "db1", "db2", "db3")
	o := outageOf(map[string]server{
		"db1": {executed: gtids("1-8"), received: gtids("1-9"), record: three},
		"db2": {executed: gtids("1-10"), record: three},
	})
	o.Known["db2"].Heard["db3"] = Heard{Ago: 40, Error: "no route", Answer: server{executed: gtids("1-12")}.answer("db3")}
	o.Known["db2"].Heard["db1"] = Heard{Ago: 0.1, Answer: o.Known["db1"].Answer}
	withGroup := three
	withGroup.Group = worldGroup
	want := []Finding{
		{Server: "db1", State: Offline, Record: &withGroup, Executed: 8, Backlog: 1, Lacks: gtids("10")},
		{Server: "db2", State: Offline, Record: &withGroup, Executed: 10},
		{Server: "db3", Missing: "no route to host", Last: &LastHeard{By: "db2", Ago: 40, Has: gtids("1-12"), Ahead: gtids("11-12")}},
	}
	if diff := cmp.Diff(want, o.Findings()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestCount(t *testing.T) {
	for text, want := range map[string]int64{"": 0, gtids("7"): 1, gtids("1-5:7") + "," + lostGroup + ":1-10": 16} {
		s, err := ParseGTIDSet(text)
		if err != nil || s.Count() != want {
			t.Errorf("%q has %d transactions (%v), want %d", text, s.Count(), err, want)
		}
	}
}
