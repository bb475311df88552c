package load

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill/record"
)

// perform carries out one operation.
func perform(t *testing.T, do Doer, op record.Op) record.Op {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), ample)
	defer cancel()
	do(ctx, &op)
	return op
}

func TestReaderAddresses(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.String())
		io.WriteString(w, "ok")
	}))
	for class, want := range map[record.Class][]string{
		record.Page:   {"/", "/menu?lang=de", "/", "/menu?lang=de"},
		record.API:    {"/", "/menu?lang=de", "/", "/menu?lang=de"},
		record.Static: {"/?drill=t1-10", "/menu?lang=de&drill=t1-11", "/?drill=t1-12", "/menu?lang=de&drill=t1-13"},
	} {
		asked = nil
		r, err := NewReader(s.client(t), "t1", class, []string{"/", "/menu?lang=de"})
		if err != nil {
			t.Fatal(err)
		}
		do := r.Rotate()
		other := r.Rotate() // has a turn of its own
		for i := range 4 {
			if op := perform(t, do, record.Op{Seq: 10 + i, Class: class, Proto: 1}); op.Outcome != record.OK || op.Status != 200 {
				t.Errorf("%v: %+v", class, op)
			}
		}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("%v (-want +got):\n%s", class, diff)
		}
		if perform(t, other, record.Op{Seq: 10, Class: class, Proto: 1}); asked[4] != asked[0] {
			t.Errorf("%v: another stream begins with %s", class, asked[4])
		}
	}
}

// Outcomes of one answer after another to the same path.
func TestReaderOutcomes(t *testing.T) {
	type answer struct {
		status      int
		cache, body string
		want        record.Outcome
		word        string
	}
	const ok, stale, failed = record.OK, record.Stale, record.Failed
	for class, answers := range map[record.Class][]answer{
		record.Static: {
			{503, "", "sorry", failed, "503"}, // nothing to learn from
			{200, "", "", failed, "wrong body"},
			{200, "", "v1", ok, ""},
			{200, "", "v1", ok, ""},
			{200, "", "v2", failed, "wrong body"},
			{200, "", "", failed, "wrong body"},
			{200, "", "v1", ok, ""},
		},
		record.Page: {
			{200, "UPDATING", "old", stale, ""},
			{200, "HIT", "a", ok, ""},
			{200, "UPDATING", "a", ok, ""},
			{200, "STALE", "a", ok, ""},
			{200, "MISS", "b", ok, ""},
			{200, "MISS", "", failed, "wrong body"},
			{404, "MISS", "none", failed, "404"},
		},
		record.API: {
			{200, "MISS", "{}", ok, ""},
			{200, "HIT", "{}", failed, "cached"},
			{200, "STALE", "{}", failed, "cached"},
			{200, "", "{}", ok, ""},
		},
	} {
		var next answer
		s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if next.cache != "" {
				w.Header().Set("X-Cache", next.cache)
			}
			w.WriteHeader(next.status)
			io.WriteString(w, next.body)
		}))
		r, err := NewReader(s.client(t), "t1", class, []string{"/"})
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range answers {
			next = a
			op := perform(t, r.Rotate(), record.Op{Seq: i, Class: class, Fresh: i%2 == 0, Proto: uint8(1 + i/2%2)})
			if op.Outcome != a.want || op.Error != a.word || op.Status != a.status {
				t.Errorf("%v, answer %d: %+v, want %v %q, status %d", class, i, op, a.want, a.word, a.status)
			}
		}
	}
}

// For how long after a fresh answer an old page counts as ok while the new one is
// being fetched.
func TestUpdatingLimit(t *testing.T) {
	var p page
	at := time.Now()
	for _, c := range []struct {
		after time.Duration
		cache string
		want  bool
	}{
		{0, "UPDATING", false},
		{time.Second, "MISS", false},
		{2 * time.Second, "UPDATING", true},
		{6 * time.Second, "UPDATING", true}, // one old page does not excuse the next
		{6*time.Second + 1, "UPDATING", false},
		{7 * time.Second, "STALE", false},
		{8 * time.Second, "UPDATING", false},
		{9 * time.Second, "HIT", false},
		{14 * time.Second, "UPDATING", true},
	} {
		r := Reply{Reach: Sent, Status: 200, Cache: c.cache}
		if p.check(&r, record.Page, []byte("page"), at.Add(c.after)); r.Lately != c.want || r.Wrong {
			t.Errorf("%s after %v: %+v, want lately %v", c.cache, c.after, r, c.want)
		}
	}
}

func TestNewReaderRefuses(t *testing.T) {
	c := NewClient(Target{Host: siteName})
	for _, paths := range [][]string{nil, {""}, {"menu"}, {"/", "//elsewhere.example/"}, {"https://elsewhere.example/"}, {"/%zz"}} {
		if _, err := NewReader(c, "t1", record.Page, paths); err == nil {
			t.Errorf("no error about the paths %q", paths)
		}
	}
}
