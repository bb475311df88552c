package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill/record"
)

// told makes events of lines "seconds server kind name state".
func told(t *testing.T, lines ...string) []record.Event {
	t.Helper()
	var events []record.Event
	for _, l := range lines {
		var seconds float64
		var e record.Event
		fields := strings.SplitN(l, " ", 5)
		if _, err := fmt.Sscan(fields[0], &seconds); err != nil {
			t.Fatal(err)
		}
		e.At, e.Server, e.Kind, e.Name, e.State = at(seconds), fields[1], record.EventKind(fields[2]), fields[3], fields[4]
		events = append(events, e)
	}
	return events
}

// drawnLanes prints lanes: "label: state 0-10 tone, …".
func drawnLanes(lanes []lane) []string {
	var all []string
	for _, l := range lanes {
		var words []string
		for _, s := range l.Segments {
			words = append(words, fmt.Sprintf("%s %g-%g %s", s.State, s.From.Seconds(), s.To.Seconds(), s.Tone))
		}
		all = append(all, l.Label()+": "+strings.Join(words, ", "))
	}
	return all
}

func TestLanesOf(t *testing.T) {
	for name, c := range map[string]struct {
		events []string
		want   []string
		calmly int
	}{
		"the address moves": {
			[]string{"0.1 lb2 vip public free", "0.2 lb1 vip public held", "5 lb1 vip public free", "5.5 lb2 vip public held"},
			[]string{"public address: lb1 0.2-5 calm, nobody 5-5.5 alarm, lb2 5.5-10 calm"}, 0,
		},
		"two hold it": {
			[]string{"0 lb1 vip public held", "0 lb2 vip public free", "5 lb2 vip public held", "6 lb1 vip public free"},
			[]string{"public address: lb1 0-5 calm, lb1 and lb2 5-6 alarm, lb2 6-10 calm"}, 0,
		},
		"the holder is off: it never says that it let go": {
			[]string{"0 lb1 vip public held", "0 lb2 vip public free", "5 lb1 watch lb1 silent", "6 lb2 vip public held", "8 lb1 watch lb1 answers", "8.001 lb1 vip public free"},
			[]string{"public address: lb1 0-5 calm, nobody 5-6 alarm, lb2 6-10 calm"}, 0,
		},
		"the holder was only out of sight": {
			[]string{"0 lb1 vip public held", "5 lb1 watch lb1 silent", "6 lb1 watch lb1 answers"},
			[]string{"public address: lb1 0-5 calm, nobody 5-6 alarm, lb1 6-10 calm"}, 0,
		},
		"in rotation, what changes only": {
			[]string{"0 lb1 backend web/web1 up", "0 lb1 backend web/web2 up", "0 lb2 backend web/web1 up", "3 lb1 backend web/web1 down", "7 lb1 backend web/web1 up"},
			[]string{"web/web1, lb1: up 0-3 calm, down 3-7 alarm, up 7-10 calm"}, 2,
		},
		"down from the start is no alarm": {
			[]string{"0 lb1 backend mysql_primary/db2 down", "6 lb1 backend mysql_primary/db2 up", "9 lb1 backend mysql_primary/db2 down"},
			[]string{"mysql_primary/db2, lb1: down 0-6 idle, up 6-9 calm, down 9-10 alarm"}, 0,
		},
		"the web servers once more are not told": {
			[]string{"0 lb1 backend web_once/web1 up", "3 lb1 backend web_once/web1 down"}, nil, 0,
		},
		"HAProxy is silent, so its servers are not known": {
			[]string{"0 lb1 backend haproxy up", "0 lb1 backend web/web1 up", "0 lb1 backend app/app1-a up", "4 lb1 backend haproxy silent", "5 lb1 backend haproxy up", "5 lb1 backend web/web1 down"},
			[]string{"haproxy, lb1: up 0-4 calm, silent 4-5 blank, up 5-10 calm", "web/web1, lb1: up 0-4 calm, silent 4-5 blank, down 5-10 alarm"}, 1,
		},
		"members": {
			[]string{"0 db1 member db1 ONLINE PRIMARY", "0 db2 member db2 ONLINE SECONDARY", "2 db1 watch db1 silent", "4 db2 member db2 ONLINE PRIMARY", "6 db1 watch db1 answers", "6.001 db1 member db1 RECOVERING SECONDARY", "8 db1 member db1 ONLINE SECONDARY", "9 db1 member db1 ERROR"},
			[]string{
				"db1: ONLINE PRIMARY 0-2 chief, silent 2-6.001 blank, RECOVERING SECONDARY 6.001-8 care, ONLINE SECONDARY 8-9 calm, ERROR 9-10 alarm",
				"db2: ONLINE SECONDARY 0-4 calm, ONLINE PRIMARY 4-10 chief",
			}, 0,
		},
		"two tell of one member": {
			[]string{"0 db1 member db1 ONLINE PRIMARY", "0 db2 member db1 UNREACHABLE"},
			[]string{"db1, db1: ONLINE PRIMARY 0-10 chief", "db1, db2: UNREACHABLE 0-10 alarm"}, 0,
		},
		"order": {
			[]string{"0 db1 member db1 ONLINE PRIMARY", "0 lb1 vip internal held", "0 lb1 vip public held"},
			[]string{"public address: lb1 0-10 calm", "internal address: lb1 0-10 calm", "db1: ONLINE PRIMARY 0-10 chief"}, 0,
		},
		"nothing told": {nil, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			lanes, calmly := lanesOf(told(t, c.events...), 0, 10*time.Second)
			if d := cmp.Diff(c.want, drawnLanes(lanes)); d != "" {
				t.Error(d)
			}
			if calmly != c.calmly {
				t.Errorf("%d without a change, want %d", calmly, c.calmly)
			}
		})
	}
}

// TestLanesOfAPart: what changed before or after a close-up is no lane of it.
func TestLanesOfAPart(t *testing.T) {
	events := told(t, "0 lb1 backend web/web1 up", "2 lb1 backend web/web1 down", "0 lb1 backend web/web2 up", "5 lb1 backend web/web2 drain", "0 lb1 backend app/app1-a up", "9 lb1 backend app/app1-a down")
	lanes, calmly := lanesOf(events, 4*time.Second, 8*time.Second)
	if d := cmp.Diff([]string{"web/web2, lb1: up 0-5 calm, drain 5-8 care"}, drawnLanes(lanes)); d != "" || calmly != 2 {
		t.Errorf("%d without a change, want 2; %s", calmly, d)
	}
}
