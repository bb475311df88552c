package load

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill/record"
)

func TestOrderAsSent(t *testing.T) {
	var header http.Header
	var method, path string
	var order map[string]any
	s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path, header, order = r.Method, r.URL.String(), r.Header, nil
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id":7,"item":19,"slug":"foo","quantity":3,"total_cents":900,"server":"db1"}`)
	}))
	do := Orders(s.client(t), "t1")
	for name, h := range hows {
		op := perform(t, do, record.Op{Seq: 42, Class: record.Write, Fresh: h.fresh, Proto: h.proto})
		if op.Outcome != record.OK || op.Status != http.StatusCreated {
			t.Errorf("%s: %+v", name, op)
		}
		want := map[string]any{"item": 19.0, "quantity": 3.0, "key": "drill-t1-0000042"}
		if diff := cmp.Diff(want, order); diff != "" || method != http.MethodPost || path != "/api/orders" {
			t.Errorf("%s: %s %s (-want +got):\n%s", name, method, path, diff)
		}
		if header.Get("Idempotency-Key") != "" {
			t.Errorf("%s: the key is in a header that makes others send the request again", name)
		}
	}
}

// The answers of the reference application and of what is in front of it.
func TestOrderOutcomes(t *testing.T) {
	const ok, failed, unknown = record.OK, record.Failed, record.Indeterminate
	for _, c := range []struct {
		name, unserved string
		status         int
		body           string
		want           record.Outcome
		word           string
	}{
		{"placed", "", 201, `{"id":7,"item":19,"quantity":3}`, ok, ""},
		{"placed before", "", 200, `{"id":7,"item":19,"quantity":3}`, ok, ""},
		{"another's order", "", 200, `{"id":7,"item":19,"quantity":4}`, unknown, "wrong body"},
		{"another drink", "", 201, `{"id":7,"item":2,"quantity":3}`, unknown, "wrong body"},
		{"no number", "", 201, `{"item":19,"quantity":3}`, unknown, "wrong body"},
		{"a page", "", 200, `<h1>Foobar</h1>`, unknown, "wrong body"},
		{"nothing", "", 201, ``, unknown, "wrong body"},
		{"sold out", "", 409, `{"error":{"code":"not_enough_stock","message":"…"}}`, failed, "409"},
		{"unavailable", "", 503, `{"error":{"code":"unavailable","message":"…"}}`, failed, "503 unavailable"},
		{"in doubt", "", 503, `{"error":{"code":"in_doubt","message":"…"}}`, unknown, "503 in doubt"},
		{"a bug", "", 500, `{"error":{"code":"internal","message":"…"}}`, unknown, "500"},
		{"HAProxy's own", "1", 503, `<h1>Back in a moment</h1>`, failed, "503 unserved"},
		{"somebody's 503", "", 503, `<h1>Back in a moment</h1>`, unknown, "503"},
		{"Nginx's own", "", 502, `<h1>Back in a moment</h1>`, unknown, "502"},
	} {
		s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if c.unserved != "" {
				w.Header().Set("X-Scaleup-Unserved", c.unserved)
			}
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		}))
		do := Orders(s.client(t), "t1")
		for name, h := range hows {
			op := perform(t, do, record.Op{Seq: 42, Class: record.Write, Fresh: h.fresh, Proto: h.proto})
			if op.Outcome != c.want || op.Error != c.word || op.Status != c.status {
				t.Errorf("%s, %s: %+v, want %v %q, status %d", c.name, name, op, c.want, c.word, c.status)
			}
		}
	}
}
