package check

import "testing"

func TestSharedHost(t *testing.T) {
	provoke(t, example(t, "servers.yaml"), []kind{sharedHost}, []provoked{
		{"two on one", func(w world) { w.shown("web1").Host, w.shown("db3").Host = "one", "one" }, []string{"warning: web1, db3 run on one computer"}},
		{"two that do not tell", func(w world) { w.shown("web1").Host, w.shown("db3").Host = "", "" }, nil},
	})
	lab := example(t, "seed.yaml")
	for _, c := range []struct {
		found []Finding
		want  string
	}{
		{Plan(lab), "info: all 5 servers are machines of a lab on this computer"},
		{Running(healthy(t, lab).look(lab), fresh), "info: lb1, lb2, web1, app1, db1 run on one computer"},
	} {
		if got := said(c.found, sharedHost); len(got) != 1 || got[0] != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
