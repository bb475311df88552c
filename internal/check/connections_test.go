package check

import "testing"

func TestConnections(t *testing.T) {
	top := example(t, "ha.yaml")
	provoke(t, top, []kind{connections}, []provoked{
		{"MySQL takes fewer", func(w world) { w.shown("db2").MySQL[maxConnections] = "799" },
			[]string{"warning db2: max_connections is 799, and HAProxy on lb1 lets up to 800 through"}},
		{"exactly as many", func(w world) { w.shown("db2").MySQL[maxConnections] = "800" }, nil},
		{"not read", func(w world) { delete(w.shown("db2").MySQL, maxConnections) }, nil},
		{"one load balancer lets more through", func(w world) {
			w.edit(t, "lb2", haproxyConfig, "maxconn 400 on-marked-down", "maxconn 600 on-marked-down")
			w.shown("db1").MySQL[maxConnections] = "1000"
		}, []string{"warning db2: max_connections is 900, and HAProxy on lb2 lets up to 1000 through", "warning db3: max_connections is 900, and HAProxy on lb2 lets up to 1000 through"}},
	})

	top.Site.App.Env = map[string]string{"DB_POOL": "200", "PATROL": "900", "POOL_NAME": "x"}
	provoke(t, top, []kind{connections}, nil) // 2 servers, 2 slots: 800
	top.Site.App.Env["DB_POOL"] = "201"
	want := []string{"warning: DB_POOL is 201: 2 app servers, two slots each while a release is deployed, want 804 connections, and the load balancers let 800 through"}
	if got := said(Running(healthy(t, top).look(top), fresh), connections); len(got) != 1 || got[0] != want[0] {
		t.Errorf("%q, want %q", got, want)
	}
}
