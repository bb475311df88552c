package load

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scaleup/internal/drill/record"
)

func TestStreams(t *testing.T) {
	c := NewClient(Target{Host: siteName})
	for _, test := range []struct {
		name  string
		mix   Mix
		rates map[record.Class]float64 // of each of the four streams
	}{
		{"the standard load", Mix{Reads: 150, Writes: 50, Paths: map[record.Class][]string{
			record.Static: {"/a.css"}, record.Page: {"/", "/menu"}, record.API: {"/api/menu"},
		}}, map[record.Class]float64{record.Static: 12.5, record.Page: 12.5, record.API: 12.5, record.Write: 12.5}},
		{"a class without paths", Mix{Reads: 80, Writes: 4, Paths: map[record.Class][]string{
			record.Static: {"/a.css"}, record.Page: nil, record.API: {"/api/menu"},
		}}, map[record.Class]float64{record.Static: 10, record.API: 10, record.Write: 1}},
		{"a site that is not written to", Mix{Reads: 4, Paths: map[record.Class][]string{record.Page: {"/"}}}, map[record.Class]float64{record.Page: 1}},
		{"nothing", Mix{}, nil},
	} {
		test.mix.Run = "t1"
		got, err := Streams(c, test.mix)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		var want []Stream
		for _, class := range record.Classes {
			if rate := test.rates[class]; rate > 0 {
				want = append(want, Stream{Class: class, Fresh: true, Proto: 1, Rate: rate}, Stream{Class: class, Fresh: true, Proto: 2, Rate: rate},
					Stream{Class: class, Proto: 1, Rate: rate}, Stream{Class: class, Proto: 2, Rate: rate})
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Stream{}, "Do")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		for _, s := range got {
			if s.Do == nil {
				t.Errorf("%s: %v does nothing", test.name, s.Class)
			}
		}
	}
}

func TestStreamsRefuses(t *testing.T) {
	for name, m := range map[string]Mix{
		"reads without paths": {Run: "t1", Reads: 1},
		"a bad path":          {Run: "t1", Reads: 1, Paths: map[record.Class][]string{record.Page: {"menu"}}},
		"paths of writes":     {Run: "t1", Reads: 1, Paths: map[record.Class][]string{record.Page: {"/"}, record.Write: {"/api/orders"}}},
		"no name":             {Writes: 1},
		"a long name":         {Run: strings.Repeat("x", 51), Writes: 1},
		"a name for no URL":   {Run: "t&1", Writes: 1},
	} {
		if _, err := Streams(NewClient(Target{Host: siteName}), m); err == nil {
			t.Errorf("no error about %s", name)
		}
	}
}

// The longest and the shortest run make keys that the application takes.
func TestRunMakesKeys(t *testing.T) {
	for _, n := range []int{2, 50} {
		if key := record.Key(strings.Repeat("x", n), 9_999_999); len(key) < 16 || len(key) > 64 {
			t.Errorf("a run of %d characters makes the key %q of %d", n, key, len(key))
		}
	}
}
