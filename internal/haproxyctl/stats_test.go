package haproxyctl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The fixtures are answers of HAProxy 2.6: three requests on one connection, one of
// them answered with 500 and all by web1, and one TCP connection.
func TestParseLines(t *testing.T) {
	got, err := ParseLines(fixture(t, "lines.csv"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Line{
		{Proxy: "public_https", Server: Frontend, Total: 3, Errors5xx: 1},
		{Proxy: "web", Server: "web1", Total: 3, Errors5xx: 1, Check: "L7OK"},
		{Proxy: "web", Server: "web2", Check: "L4CON"},
		{Proxy: "web", Server: Backend, Algorithm: "leastconn", Total: 3, Errors5xx: 1},
		{Proxy: "mysql_write", Server: Frontend, Total: 1},
		{Proxy: "mysql_primary", Server: "db1", Total: 1},
		{Proxy: "mysql_primary", Server: Backend, Algorithm: "roundrobin", Total: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestParseLinesNow(t *testing.T) {
	const head = "# pxname,svname,scur,stot,rate,check_status,hrsp_5xx,req_rate,req_tot,mode,algo\n"
	for _, c := range []struct {
		line string
		want Line
	}{
		{"public,FRONTEND,5,40,2,,7,30,900,http,", Line{Proxy: "public", Server: Frontend, Sessions: 5, Rate: 30, Total: 900, Errors5xx: 7}},
		{"mysql,FRONTEND,5,40,2,,,0,0,tcp,", Line{Proxy: "mysql", Server: Frontend, Sessions: 5, Rate: 2, Total: 40}},
		{"web,web1,5,40,2,* L7OK,7,,38,http,", Line{Proxy: "web", Server: "web1", Sessions: 5, Rate: 2, Total: 40, Errors5xx: 7, Check: "L7OK"}},
	} {
		got, err := ParseLines(head + c.line)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Line{c.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
	}
}

func TestParseLinesRefusesOtherAnswers(t *testing.T) {
	good := fixture(t, "lines.csv")
	for name, text := range map[string]string{
		"empty":             "",
		"permission denied": "Permission denied",
		"not for operators": strings.Replace(good, ",algo,", ",other,", 1),
	} {
		if got, err := ParseLines(text); err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

func TestParseInfo(t *testing.T) {
	got, err := ParseInfo(fixture(t, "info.txt"))
	if want := (Info{Version: "2.6.12-1+deb12u4", Uptime: 5, MaxConn: 2000}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if got, err := ParseInfo("Unknown command"); err == nil {
		t.Errorf("another answer: %+v, want an error", got)
	}
}
