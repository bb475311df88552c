package check

import (
	"testing"
	"time"
)

func TestClocks(t *testing.T) {
	ahead := func(server string, by, took time.Duration) func(world) {
		return func(w world) {
			a := w[server]
			a.Answered = a.Asked.Add(took)
			a.Response.Inspection.At = a.Asked.Add(took/2 + by)
			w[server] = a
		}
	}
	cases := []provoked{
		{"a second ahead", ahead("web1", time.Second, 0), nil},
		{"more than that", ahead("web1", 1500*time.Millisecond, 0), []string{"warning web1: its clock is 1.5 s ahead of this computer's (give or take 0.0 s)"}},
		{"behind", ahead("web1", -2*time.Second, 0), []string{"warning web1: its clock is 2.0 s behind this computer's (give or take 0.0 s)"}},
		{"within the doubt of a slow answer", ahead("web1", 1500*time.Millisecond, 2*time.Second), nil},
		{"far apart", ahead("db1", 7*time.Second, time.Second), []string{"critical db1: its clock is 7.0 s ahead of this computer's (give or take 0.5 s)"}},
	}
	unsynced := func(w world) { w.shown("web1").Synced = "no" }
	provoke(t, example(t, "ha.yaml"), []kind{clock}, append(cases, provoked{"a lab's clocks are its host's", unsynced, nil}))
	provoke(t, example(t, "servers.yaml"), []kind{clock}, []provoked{{"not synchronised", unsynced, []string{"warning web1: its clock is not synchronised (NTP)"}}})
}
