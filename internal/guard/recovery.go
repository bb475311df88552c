package guard

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Outage is what the operator's computer could find out about a database that
// serves nobody. Recover decides from it and from nothing else.
type Outage struct {
	Group     string            // name of the group
	Recovered *Recovered        // of an earlier recovery, nil when there was none
	Voters    []string          // every database server, in the site file's order
	Initial   string            // the one that formed the group the first time
	Known     map[string]Known  // what the guards that answer tell, by server
	Silent    map[string]string // the other servers, and why nothing is known from them
	Alive     map[string]string // silent servers that somebody else sees at work, and what is seen
	From      string            // server the operator has named to form the group; "" to choose
}

// RefusedError says why nothing is given up.
type RefusedError struct{ Reason, Fix string }

func (e *RefusedError) Error() string { return e.Reason }

// Hint implements the command line's way out.
func (e *RefusedError) Hint() string { return e.Fix }

// Recovery is a decision to form a group although servers are lost for good.
type Recovery struct {
	Recovered Recovered // what the guards are told
	Lost      []string  // voters without a word, in the site file's order
	Newest    Record    // the newest view that an answering server knows
	// Complete says that most members of the newest view answer. A transaction is
	// acknowledged only when most members of the view have it, and a view changes
	// only by most members of the one before; so the answering servers have every
	// acknowledged one, unless their power failed too and took what was not on disk.
	Complete bool
	GivenUp  GTIDSet            // what answering servers have and the chosen one lacks
	Gaps     map[string]GTIDSet // by lost server: what it had when it was last heard of, and the chosen one lacks
	Unheard  []string           // lost servers whose transactions no answering guard remembers
}

const seeStatus = "see scaleup db recover, without flags, for what every server knows"

// Recover chooses the server that forms a new group without those that are lost,
// or refuses with a *RefusedError: while anything serves, may serve, or could serve
// again by itself, nothing is given up.
func (o Outage) Recover() (*Recovery, error) {
	answering, err := o.answering()
	if err != nil {
		return nil, err
	}
	if err := o.refuseAlive(); err != nil {
		return nil, err
	}
	if err := o.refuseUnattended(); err != nil {
		return nil, err
	}
	chosen, everything, err := o.chooseRecovered(answering)
	if err != nil {
		return nil, err
	}
	r := &Recovery{
		Recovered: Recovered{
			Replaces: append(slices.Clone(o.replaced()), o.Group), Initial: chosen.name, Voters: namesOf(answering), GTIDs: chosen.all.String(),
		},
		GivenUp: everything.Subtract(chosen.all), Gaps: map[string]GTIDSet{},
	}
	r.Recovered.GivenUp = r.GivenUp.String()
	r.Newest, r.Complete = o.newest(answering)
	for _, name := range o.Voters {
		if slices.Contains(r.Recovered.Voters, name) {
			continue
		}
		r.Lost = append(r.Lost, name)
		if last, ok := o.lastHeard(name); !ok {
			r.Unheard = append(r.Unheard, name)
		} else if gap := last.has.Subtract(chosen.all); !gap.Empty() {
			r.Gaps[name] = gap
		}
	}
	return r, nil
}

func (o Outage) replaced() []string {
	if o.Recovered == nil {
		return nil
	}
	return o.Recovered.Replaces
}

// answering are the servers whose word and transactions are known, sorted by name.
// One whose clone was cut off has a torso for data, and counts as lost.
func (o Outage) answering() ([]candidate, error) {
	var answering []candidate
	for _, name := range slices.Sorted(maps.Keys(o.Known)) {
		if !o.Known[name].Answer.MySQL.Reachable {
			continue
		}
		c, err := readCandidate(o.Known[name].Answer)
		if err != nil {
			return nil, &RefusedError{err.Error(), "this is a fault of MySQL or of scaleup; nothing is given up before it is understood"}
		}
		if !c.incomplete() {
			answering = append(answering, c)
		}
	}
	if len(answering) == 0 {
		return nil, &RefusedError{"no database server answers with its transactions, so there is nothing to recover from", "bring at least one back; " + seeStatus + "; if none can be, restore a backup"}
	}
	return answering, nil
}

func namesOf(candidates []candidate) []string {
	names := make([]string, len(candidates))
	for i, c := range candidates {
		names[i] = c.name
	}
	return names
}

// heardLately is how old another guard's answer may be to prove that its server is
// alive: guards out of a group ask four times a second, those in one every 2 s.
const heardLately = 3.0

// refuseAlive refuses while any member is in a group, or a silent server is seen
// alive by others: it is out of the operator's reach, not lost.
func (o Outage) refuseAlive() error {
	for _, name := range slices.Sorted(maps.Keys(o.Known)) {
		k := o.Known[name]
		switch my := k.Answer.MySQL; {
		case my.majority():
			return &RefusedError{fmt.Sprintf("%s is %s in a group with a majority, so there is nothing to recover", name, my.State), "see scaleup status"}
		case my.Reachable && my.State != Offline && my.State != Failed:
			return &RefusedError{fmt.Sprintf("%s is still %s in a group without a majority", name, my.State), "it leaves by itself within some seconds; try again then"}
		}
		for _, peer := range slices.Sorted(maps.Keys(k.Heard)) {
			h := k.Heard[peer]
			if _, silent := o.Silent[peer]; silent && h.Error == "" && h.Ago <= heardLately && h.Answer.MySQL.Reachable {
				return &RefusedError{fmt.Sprintf("%s does not answer here (%s), but the guard of %s hears from it: it is not lost", peer, o.Silent[peer], name), "mend the way to it, and the guards form the group by themselves"}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Alive)) {
		return &RefusedError{fmt.Sprintf("%s does not answer here (%s), but %s: it is not lost", name, o.Silent[name], o.Alive[name]), "mend the way to it; see scaleup status"}
	}
	return nil
}

// refuseUnattended refuses where the guards need no help: each is asked, with what
// all know, what it would do next.
func (o Outage) refuseUnattended() error {
	now := time.Now()
	for _, name := range slices.Sorted(maps.Keys(o.Known)) {
		a := o.next(name, now)
		switch a.Kind {
		case Wait, Fence:
		case Stop, EndBootstrap:
			return &RefusedError{fmt.Sprintf("the guard of %s is still cleaning up: %s", name, a.Reason), "try again in some seconds"}
		default:
			fix := "wait for it: scaleup status shows how far it is"
			if o.Known[name].Answer.Held {
				fix = "it was told to stay out of the group for planned work; restarting mysql.service there ends that"
			}
			return &RefusedError{fmt.Sprintf("nothing needs to be given up: the guard of %s can go on by itself, it %s", name, a.Reason), fix}
		}
	}
	return nil
}

// next is what a guard would do if it knew what all of them know.
func (o Outage) next(name string, now time.Time) Action {
	v := View{MySQL: o.Known[name].Answer.MySQL, Record: o.Known[name].Answer.Record, Peers: map[string]Peer{}}
	for peer, k := range o.Known {
		if peer != name {
			answer := k.Answer
			answer.Held = false
			v.Peers[peer] = Peer{Asked: now, Answer: answer}
		}
	}
	p := Policy{Server: name, Group: o.Group, Initial: o.Initial, Voters: slices.Sorted(slices.Values(o.Voters)), Recovered: o.Recovered}
	return Decide(v, p, now)
}

// chooseRecovered picks the answering server that has every transaction any of
// them has, by preference the last primary; or the one that the operator named.
func (o Outage) chooseRecovered(answering []candidate) (chosen candidate, everything GTIDSet, err error) {
	for _, c := range answering {
		everything = everything.Union(c.all)
	}
	if o.From != "" {
		i := slices.IndexFunc(answering, func(c candidate) bool { return c.name == o.From })
		if i < 0 {
			return chosen, everything, &RefusedError{fmt.Sprintf("%s cannot form the group: %s", o.From, o.whyNot(o.From)), "name one of " + strings.Join(namesOf(answering), ", ")}
		}
		return answering[i], everything, nil
	}
	able := slices.DeleteFunc(slices.Clone(answering), func(c candidate) bool { return !everything.SubsetOf(c.all) })
	if len(able) == 0 {
		var lacks []string
		for _, c := range answering {
			lacks = append(lacks, fmt.Sprintf("%s lacks %s", c.name, listed(everything.Subtract(c.all))))
		}
		return chosen, everything, &RefusedError{
			"no server has all transactions: " + strings.Join(lacks, "; "),
			"name the server to keep with --from SERVER; what it lacks is then given up, and the data of the others is set aside",
		}
	}
	newest, _ := o.newest(answering)
	primary := lastPrimary(answering, newest)
	return slices.MinFunc(able, func(a, b candidate) int {
		if (a.name == primary) != (b.name == primary) {
			return compareNames(a.name, b.name, primary, true)
		}
		return strings.Compare(a.name, b.name)
	}), everything, nil
}

// whyNot says why a server's transactions do not count.
func (o Outage) whyNot(name string) string {
	k, known := o.Known[name]
	switch {
	case !slices.Contains(o.Voters, name):
		return "it is not a database server of this site"
	case !known:
		return o.Silent[name]
	case !k.Answer.MySQL.Reachable:
		return "its MySQL does not answer: " + k.Answer.MySQL.Error
	default:
		return "a clone on it did not complete"
	}
}

// newest is the newest view that answering servers know, and whether most of its
// members answer. Records of a group that was replaced count where there is no
// view of the new one; but a server with data whose guard remembers no view (it
// has begun a new record, say) may have been part of a newer one.
func (o Outage) newest(answering []candidate) (newest Record, complete bool) {
	rank := func(r Record) int { return slices.Index(append(slices.Clone(o.replaced()), o.Group), r.Group) }
	forgotten := false
	for _, c := range answering {
		r := c.record
		forgotten = forgotten || r.Epoch == 0 && !c.all.Empty()
		if r.Epoch > 0 && rank(r) >= 0 && (newest.Epoch == 0 || rank(r) > rank(newest) || rank(r) == rank(newest) && r.compare(newest) > 0) {
			newest = r
		}
	}
	if newest.Epoch == 0 || forgotten {
		return newest, false
	}
	present := slices.DeleteFunc(slices.Clone(newest.Members), func(m string) bool { return !slices.Contains(namesOf(answering), m) })
	return newest, 2*len(present) > len(newest.Members)
}
