package guard

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A primary serves on a lease. It holds one while so many guards, its own included, have
// promised within the last confirmedFor to confirm nobody else (promise.go): more than
// half of the site's voters, all of them members of its view. Two such sets have a guard
// in common, and that one has promised to one primary only; so two never serve at the
// same moment, whatever MySQL believes, the network does and which guards restart. It
// rests on clocks that run equally fast for three seconds, and that go on while the
// machine sleeps.
//
// Nobody promises to a server that his own MySQL does not see as the primary. So the
// lease also says that this primary is the one of now: it ends confirmedFor after the
// others have got another one, or are out of reach.
//
// A view of half of the voters or less, as when all other members have left in order,
// holds no such set. See alone.

const (
	// confirmedFor is how long a primary serves on the word of the others, counted from
	// before it asked. Where it is cut off, the lease ends before anybody else can be
	// elected: the others' MySQL has to hear nothing for 5.0 s (a constant of Group
	// Replication's failure detector), and what the others tell is at most a second old.
	confirmedFor = 3 * time.Second
	// promisedFor is for how long a promise binds who gave it, counted from the answer. It
	// is longer by what clocks may differ in that time: 3 %, where 0.05 % are bad.
	promisedFor = confirmedFor + 100*time.Millisecond
	// aloneAfter is how long the primary of a small view waits where the others cannot be
	// asked: no older promise and no older knowledge of theirs lasts longer.
	aloneAfter = promisedFor + 2*fresh
)

// claims reports whether this mysqld takes itself for the primary of its group.
func (m MySQL) claims() bool {
	return m.Reachable && m.State == Online && m.Role == Primary && m.majority()
}

// confirms reports whether the guard that answered sees the server as the primary of
// the view that its own MySQL is in.
func (a Answer) confirms(server string) bool {
	return server != "" && a.MySQL.Reachable && a.MySQL.active() && a.MySQL.majority() && a.MySQL.primary() == server
}

// slowFor is how long a primary may leave the guard without an answer and still serve:
// nobody else could take its place, and clients that are cut off would have to wait all
// the same. It ends well before Group Replication has elected another (5.0 s).
const slowFor = 2 * time.Second

// slow reports whether a primary did not answer, for the first time or not for long. One
// that refuses is none any more.
func (v *View) slow(my MySQL, begun time.Time) bool {
	return my.Hangs && v.Claims && begun.Sub(v.Claimed) <= slowFor
}

// noteClaim keeps whether this member takes itself for the primary. What it shows while
// it stops counts for nothing: see torn.
func (v *View) noteClaim(my MySQL, begun time.Time) {
	if v.slow(my, begun) {
		return
	}
	stopping := my.active() && my.ViewID == v.ViewSeen && len(my.Members) < v.MembersSeen
	if my.active() && !stopping {
		v.ViewSeen, v.MembersSeen = my.ViewID, len(my.Members)
	}
	claimed := v.Claims
	if v.Claims = my.claims() && !stopping; !v.Claims {
		return
	}
	if !claimed || v.Claim.ViewID != my.ViewID {
		v.ClaimsSince = begun
	}
	v.Claim, v.Claimed = my, begun
}

// stand renews this guard's promise to its own member while that claims to be the
// primary, and takes back all that was promised to it when it does not: whoever asks is
// told so and may promise to the next one at once. The caller holds the ballot's lock
// until the snapshot that says so is published.
func (v *View) stand(b *ballot, p Policy, now time.Time) {
	confirmed := time.Time{}
	if !v.Claims {
		v.Unclaimed = now
		b.release(p.Server)
	} else if b.give(p.Server, now) {
		confirmed = v.confirmedAt(p, now)
	}
	v.Confirmed = confirmed
}

// confirmedAt is what the lease of this primary is counted from; zero: it has none. Its
// own guard has promised already.
func (v View) confirmedAt(p Policy, now time.Time) time.Time {
	members := v.Claim.Members
	others := min(len(members), len(p.Voters)/2+1) - 1
	var asked []time.Time
	for _, m := range members {
		if peer := v.Peers[m.Server]; m.Server != p.Server && peer.Answer.Promised && v.since(peer.Asked) {
			asked = append(asked, peer.Asked)
		}
	}
	switch {
	case len(asked) < others:
		return time.Time{}
	case 2*len(members) <= len(p.Voters) && !v.alone(p, now):
		return time.Time{}
	case others == 0:
		return now
	}
	slices.SortFunc(asked, func(a, b time.Time) int { return b.Compare(a) })
	return asked[others-1]
}

// since reports whether what was known then still counts: the machine has not slept, and
// the guard has not told anybody that its member claims nothing.
func (v View) since(then time.Time) bool { return then.After(v.Woke) && then.After(v.Unclaimed) }

// alone reports whether the primary of a view of half of the voters or less may serve:
// without a break after it has held the lease, or once each of the other voters has said
// since that it claims nothing, or where no promise to anybody can have lasted. Whoever
// is in a newer view without this member as the primary is believed.
//
// Such a view comes about when members leave in order, and when the group is formed. By
// Group Replication's rules there is no other one then; a former primary may not know.
func (v View) alone(p Policy, now time.Time) bool {
	cleared := true
	for _, name := range p.Voters {
		peer := v.Peers[name]
		if name == p.Server {
			continue
		}
		if my := peer.Answer.MySQL; now.Sub(peer.Asked) <= confirmedFor && my.active() && my.majority() && my.primary() != p.Server {
			return false
		}
		cleared = cleared && v.since(peer.Asked) && peer.Asked.After(v.ClaimsSince) && !peer.Answer.Claims
	}
	held := v.since(v.Confirmed) && now.Sub(v.Confirmed) <= confirmedFor
	return held || cleared || now.Sub(v.ClaimsSince) >= aloneAfter
}

// noteSleep forgets what was known before the machine slept, as a virtual machine does
// that is paused: the clock that everything here is measured by stood still. What was
// promised binds for that much longer.
func (v *View) noteSleep(slept time.Duration, begun time.Time) {
	if slept-v.Slept > sleepSeen {
		v.Woke = begun
	}
	v.Slept = slept
}

// sleepSeen is the shortest sleep that counts; the two clocks are not read at once.
const sleepSeen = 100 * time.Millisecond

// asleep is for how long this machine has slept since it was started: the clock that
// runs on (CLOCK_BOOTTIME) is so much ahead of the one that Go measures by.
func asleep() time.Duration { return clock(unix.CLOCK_BOOTTIME) - clock(unix.CLOCK_MONOTONIC) }

// clock reads one of the machine's clocks. Both exist since Linux 2.6.39.
func clock(id int32) time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(id, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// confirmed says why the primary must not serve any more, or "".
func (s *Snapshot) confirmed(now time.Time) string {
	if s.Confirmed.IsZero() {
		return "no majority has confirmed this primary: it was just elected, or is cut off, or they have another one"
	}
	if age := now.Sub(s.Confirmed); age > confirmedFor {
		return fmt.Sprintf("no majority has confirmed this primary for %.1f s: it is cut off, or they have another one", age.Seconds())
	}
	return ""
}
