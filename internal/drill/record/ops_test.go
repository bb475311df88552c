package record

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawOp(t *rapid.T) Op {
	due := rapid.Int64Range(0, int64(24*time.Hour/time.Microsecond)).Draw(t, "due")
	lag := rapid.Int64Range(0, 10_000_000).Draw(t, "lag")
	took := rapid.Int64Range(0, 10_000_000).Draw(t, "took")
	return Op{
		Seq:     rapid.IntRange(0, 10_000_000).Draw(t, "seq"),
		Class:   rapid.SampledFrom(Classes).Draw(t, "class"),
		Fresh:   rapid.Bool().Draw(t, "fresh"),
		Proto:   rapid.Uint8Range(0, 2).Draw(t, "proto"),
		Outcome: rapid.SampledFrom(Outcomes).Draw(t, "outcome"),
		Status:  rapid.IntRange(0, 4000).Draw(t, "status"),
		Due:     microseconds(due),
		Start:   microseconds(due + lag),
		Done:    microseconds(due + lag + took),
		Error:   rapid.String().Draw(t, "error"),
		Again:   rapid.IntRange(0, 2).Draw(t, "again"),
	}
}

func TestOpsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Custom(drawOp)).Draw(t, "ops")
		var disk bytes.Buffer
		if err := WriteOps(&disk, want); err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(disk.Bytes(), []byte("\n")); lines != len(want) {
			t.Fatalf("%d lines for %d operations:\n%s", lines, len(want), &disk)
		}
		got, err := ReadOps(&disk)
		if err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 {
			want = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after writing and reading (-want +got):\n%s", diff)
		}
	})
}

func TestWriteOpsForm(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name string
		op   Op
		want string
	}{
		{"the first of all", Op{}, `{"c":"static","o":"ok"}`},
		{
			"a common one",
			Op{Seq: 4711, Class: API, Fresh: true, Proto: 2, Status: 200, Due: 23555 * ms, Start: 23555*ms + 112345, Done: 23560*ms + 123999},
			`{"n":4711,"c":"api-read","f":true,"p":2,"o":"ok","s":200,"d":23555000,"l":112,"w":5123}`,
		},
		{
			"a long one, late in an hour",
			Op{Seq: 1799999, Class: Write, Fresh: true, Proto: 2, Outcome: Indeterminate, Status: 503, Due: 3599998 * ms, Start: 3600000 * ms, Done: 3605000 * ms, Error: "503 in doubt", Again: 1},
			`{"n":1799999,"c":"write","f":true,"p":2,"o":"indeterminate","s":503,"d":3599998000,"l":2000,"w":5002000,"e":"503 in doubt","a":1}`,
		},
	} {
		var disk strings.Builder
		if err := WriteOps(&disk, []Op{c.op}); err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSuffix(disk.String(), "\n")
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if len(got) > 130 {
			t.Errorf("%s takes %d bytes, want at most 130", c.name, len(got))
		}
	}
}

func TestReadOpsMalformed(t *testing.T) {
	const good = `{"n":1,"c":"page","o":"ok"}` + "\n"
	for _, c := range []struct{ name, line, want string }{
		{"empty", "", "line 2: is empty"},
		{"no JSON", "hello", "line 2: is not an operation"},
		{"cut off", `{"n":2,"c":"page","o":"o`, "line 2: is not an operation"},
		{"unknown key", `{"n":2,"c":"page","o":"ok","x":1}`, `unknown field "x"`},
		{"wrong type", `{"n":"2","c":"page","o":"ok"}`, "line 2: is not an operation"},
		{"two on a line", `{"n":2,"c":"page","o":"ok"}{"n":3,"c":"page","o":"ok"}`, "more than one"},
		{"no class", `{"n":2,"o":"ok"}`, `class ""`},
		{"unknown class", `{"n":2,"c":"pages","o":"ok"}`, `class "pages"`},
		{"no outcome", `{"n":2,"c":"page"}`, `outcome ""`},
		{"unknown outcome", `{"n":2,"c":"page","o":"fine"}`, `outcome "fine"`},
		{"unknown protocol", `{"n":2,"c":"page","o":"ok","p":3}`, "HTTP version 3"},
		{"too long", `{"e":"` + strings.Repeat("x", 1<<16) + `"}`, "line 2: "},
	} {
		ops, err := ReadOps(strings.NewReader(good + c.line + "\n" + good))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if diff := cmp.Diff([]Op{{Seq: 1, Class: Page}}, ops); diff != "" {
			t.Errorf("%s: operations before the bad line (-want +got):\n%s", c.name, diff)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("no space left on device")

func TestWriteOpsFails(t *testing.T) {
	for _, n := range []int{1, 10_000} { // less and more than what is buffered
		if err := WriteOps(fullDisk{}, make([]Op, n)); !errors.Is(err, errFull) {
			t.Errorf("%d operations onto a full disk: error %v", n, err)
		}
	}
}
