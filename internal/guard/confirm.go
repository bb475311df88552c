package guard

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// confirmedFor is how long a primary serves on the word of the others. Where it is cut
// off from their guards, too, it ends before anybody else can be elected: the others'
// MySQL has to hear nothing for 5.0 s (a constant of Group Replication's failure
// detector), the word is counted from before it was asked for, and what the others tell
// is at most a second old (fresh). Where only the members do not hear each other, their
// guards go on confirming until they see the new primary, and two may answer for 2 s.
const confirmedFor = 3 * time.Second

// confirmedAt is when this primary was last known to be the one of a majority of its
// own view: when Group Replication elected it, or when so many other members, asked
// since, said so. A primary that is cut off stays ONLINE in its own eyes for 5 s and
// more, and its failure detector has been seen to take the others for reachable again
// for 6 s without a packet of them (9.7.4); nobody answers its guard meanwhile.
func (v View) confirmedAt(self string, now time.Time) time.Time {
	others := len(v.MySQL.Members) / 2 // to be a majority together with this one
	if others == 0 {
		return now
	}
	var asked []time.Time
	for _, m := range v.MySQL.Members {
		if p, known := v.Peers[m.Server]; known && p.Asked.After(v.Woke) && p.Answer.confirms(self) {
			asked = append(asked, p.Asked)
		}
	}
	if len(asked) < others {
		return v.Elected
	}
	slices.SortFunc(asked, func(a, b time.Time) int { return b.Compare(a) })
	if last := asked[others-1]; last.After(v.Elected) {
		return last
	}
	return v.Elected
}

// confirms reports whether the guard that answered sees the server as the primary of
// the view that its own MySQL is in.
func (a Answer) confirms(server string) bool {
	return a.MySQL.Reachable && a.MySQL.active() && a.MySQL.majority() && a.MySQL.primary() == server
}

// noteElection keeps when Group Replication made this member the primary. A new view,
// and a new role in the same one, take a majority. A guard that has just been started
// does not know when that was, and has to ask.
func (v *View) noteElection(my MySQL, begun time.Time) {
	if !my.Reachable {
		return
	}
	started := !v.Looked
	v.Looked = true
	switch {
	case my.Role != Primary || !my.active():
		v.ElectedIn = ""
	case my.ViewID != v.ElectedIn && my.majority():
		if v.ElectedIn = my.ViewID; !started {
			v.Elected = begun
		}
	}
}

// noteSleep forgets what was known before the machine slept, as a virtual machine does
// that is paused: the clock that everything here is measured by stood still.
func (v *View) noteSleep(slept time.Duration, begun time.Time) {
	if slept-v.Slept > sleepSeen {
		v.Woke, v.Elected = begun, time.Time{}
	}
	v.Slept = slept
}

// sleepSeen is the shortest sleep that counts; the two clocks are not read at once.
const sleepSeen = 100 * time.Millisecond

// asleep is for how long this machine has slept since it was started: the clock that
// runs on (CLOCK_BOOTTIME) is so much ahead of the one that Go measures by.
func asleep() time.Duration {
	var boot, mono unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil {
		return 0 // both exist since Linux 2.6.39
	}
	return time.Duration(boot.Nano() - mono.Nano())
}

// confirmed says why the primary must not serve any more, or "".
func (s *Snapshot) confirmed(now time.Time) string {
	if s.Confirmed.IsZero() {
		return "no majority of the members has confirmed this primary yet"
	}
	if age := now.Sub(s.Confirmed); age > confirmedFor {
		return fmt.Sprintf("no majority of the members has confirmed this primary for %.1f s: it is cut off, or they have another one", age.Seconds())
	}
	return ""
}
