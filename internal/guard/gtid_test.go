package guard

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

const (
	uuidA = "aaaaaaaa-0000-4000-8000-000000000001"
	uuidB = "bbbbbbbb-0000-4000-8000-000000000002"
)

func mustGTID(t interface{ Fatal(...any) }, text string) GTIDSet {
	s, err := ParseGTIDSet(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseGTIDSet(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{" \n", ""},
		{uuidA + ":1-5:7", uuidA + ":1-5:7"},
		{uuidA + ":1-5:6,\n" + uuidB + ":9", uuidA + ":1-6," + uuidB + ":9"},
		{uuidB + ":3:1," + uuidA + ":1-2", uuidA + ":1-2," + uuidB + ":1:3"},
		{"AAAAAAAA-0000-4000-8000-000000000001:1", uuidA + ":1"},
		{uuidA + ":1-2:Deploy:1-3:5:z:7", uuidA + ":1-2," + uuidA + ":deploy:1-3:5," + uuidA + ":z:7"},
		{uuidA + ":tag:4," + uuidA + ":1:tag:3", uuidA + ":1," + uuidA + ":tag:3-4"},
		{uuidA + ":1-3:2-9", uuidA + ":1-9"},
	} {
		got, err := ParseGTIDSet(c.text)
		if err != nil {
			t.Errorf("ParseGTIDSet(%q): %v", c.text, err)
		} else if got.String() != c.want {
			t.Errorf("ParseGTIDSet(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestParseGTIDSetRefuses(t *testing.T) {
	for _, text := range []string{
		"nonsense", uuidA, uuidA + ":", uuidA + ":0", uuidA + ":5-4", uuidA + ":-3", uuidA + ":1-", uuidA + ":tag",
		uuidA + ":1:tag", uuidA + ":a:b:1", uuidA + ":9223372036854775807", uuidA + ":99999999999999999999", uuidA + ":1-2-3",
	} {
		if got, err := ParseGTIDSet(text); err == nil {
			t.Errorf("ParseGTIDSet(%q) = %q, want an error", text, got)
		}
	}
}

// naive is the definition the type is held against.
type naive map[string]bool

func drawGTIDSet(t *rapid.T, label string) (GTIDSet, naive) {
	text, members := "", naive{}
	for i, n := 0, rapid.IntRange(0, 5).Draw(t, label+" spans"); i < n; i++ {
		key := rapid.SampledFrom([]string{uuidA, uuidB, uuidA + ":tag"}).Draw(t, label+" source")
		first := rapid.IntRange(1, 12).Draw(t, label+" first")
		last := first + rapid.IntRange(0, 5).Draw(t, label+" length")
		text += fmt.Sprintf("%s:%d-%d,", key, first, last)
		for n := first; n <= last; n++ {
			members[fmt.Sprint(key, ":", n)] = true
		}
	}
	return mustGTID(t, text), members
}

func sameAsNaive(t *rapid.T, op string, got GTIDSet, want naive) {
	for _, key := range []string{uuidA, uuidB, uuidA + ":tag"} {
		for n := 1; n <= 18; n++ {
			one := fmt.Sprint(key, ":", n)
			if has := mustGTID(t, one).SubsetOf(got); has != want[one] {
				t.Fatalf("%s: %s has %s: %t, want %t", op, got, one, has, want[one])
			}
		}
	}
}

func TestGTIDSetAgreesWithNaiveSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, naiveA := drawGTIDSet(t, "a")
		b, naiveB := drawGTIDSet(t, "b")
		union, difference, subset := naive{}, naive{}, true
		for x := range naiveA {
			union[x] = true
			difference[x] = !naiveB[x]
			subset = subset && naiveB[x]
		}
		for x := range naiveB {
			union[x] = true
		}
		sameAsNaive(t, "union", a.Union(b), union)
		sameAsNaive(t, "subtract", a.Subtract(b), difference)
		sameAsNaive(t, "a is as it was", a, naiveA)
		if got := a.SubsetOf(b); got != subset {
			t.Fatalf("%s SubsetOf %s = %t, want %t", a, b, got, subset)
		}
		if again := mustGTID(t, a.String()); !again.Equal(a) || again.String() != a.String() {
			t.Fatalf("%q does not survive its own text: %q", a, again)
		}
	})
}

func FuzzParseGTIDSet(f *testing.F) {
	f.Add(uuidA + ":1-5:7,\n" + uuidB + ":tag:1-3:9")
	f.Add(uuidA + ":1:1:1:a:1")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseGTIDSet(text)
		if err != nil {
			return
		}
		again, err := ParseGTIDSet(s.String())
		if err != nil || again.String() != s.String() {
			t.Errorf("%q reads as %q, which reads as %q, %v", text, s, again, err)
		}
	})
}
