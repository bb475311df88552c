package check

import "testing"

func TestUnits(t *testing.T) {
	provoke(t, example(t, "ha.yaml"), []kind{units, slots}, []provoked{
		{"a unit of the system", func(w world) { w.shown("db1").Failed = []string{"cron.service"} }, []string{"warning db1: cron.service has failed"}},
		{"a program of the site, told once", func(w world) {
			w.shown("web1").Failed = []string{"nginx.service"}
			w["web1"].Response.Units["nginx.service"] = "failed"
		}, []string{"warning web1: nginx.service has failed"}},
		{"one that was stopped", func(w world) { w["lb2"].Response.Units["keepalived.service"] = "stopped" }, []string{"warning lb2: keepalived is stopped"}},
		{"both slots of an app server", func(w world) { w["app1"].Response.Units["app@b.service"] = "running" }, []string{"info app1: app runs in both slots: a deploy is under way or was cut off"}},
		{"a server that is off is told elsewhere", func(w world) { w.off("web1") }, nil},
	})
}
