package check

import "testing"

func TestSilent(t *testing.T) {
	provoke(t, example(t, "ha.yaml"), []kind{silent}, []provoked{
		{"off", func(w world) { w.off("web1") }, []string{"warning web1: is powered off"}},
		{"does not answer", func(w world) { w.hang("db3") }, []string{"warning db3: does not answer: timed out"}},
		{"answers without showing itself", func(w world) {
			a := w["app1"]
			a.Response.Inspection = nil
			w["app1"] = a
		}, []string{"warning app1: shows nothing of itself"}},
	})
}

func TestUnread(t *testing.T) {
	provoke(t, example(t, "ha.yaml"), []kind{unread}, []provoked{
		{"two things", func(w world) {
			w.shown("db1").Errors["mysql"], w.shown("db1").Errors["disks"] = "cannot\nconnect", "no df"
		}, []string{"warning db1: disks could not be read: no df", "warning db1: mysql could not be read: cannot connect"}},
		{"rules, but not that there is no table", func(w world) {
			w.shown("web1").Rules, w.shown("web1").Errors["rules"] = "", "Error: No such file or directory"
			w.shown("web2").Rules, w.shown("web2").Errors["rules"] = "", "nft: not found"
		}, []string{"warning web2: rules could not be read: nft: not found"}},
	})
}
