package bar

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequestValidate(t *testing.T) {
	const key = "0123456789abcdef"
	tests := []struct {
		name  string
		req   Request
		field string // empty: valid
	}{
		{"smallest", Request{key, 1, 1}, ""},
		{"largest", Request{strings.Repeat("Z", 64), 12, MaxQuantity}, ""},
		{"all kinds of key characters", Request{"azAZ09-_azAZ09-_", 1, 1}, ""},
		{"no key", Request{"", 1, 1}, "key"},
		{"short key", Request{key[1:], 1, 1}, "key"},
		{"long key", Request{strings.Repeat("k", 65), 1, 1}, "key"},
		{"key with a space", Request{key + " x", 1, 1}, "key"},
		{"key with a line end", Request{key + "\n", 1, 1}, "key"},
		{"no item", Request{key, 0, 1}, "item"},
		{"negative item", Request{key, -1, 1}, "item"},
		{"nothing", Request{key, 1, 0}, "quantity"},
		{"less than nothing", Request{key, 1, -3}, "quantity"},
		{"too many", Request{key, 1, MaxQuantity + 1}, "quantity"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var invalid *InvalidError
			got := ""
			if err := tt.req.Validate(); errors.As(err, &invalid) {
				got = invalid.Field
			} else if err != nil {
				t.Fatalf("got %v, want an *InvalidError", err)
			}
			if got != tt.field {
				t.Errorf("got a complaint about %q, want %q", got, tt.field)
			}
		})
	}
}

func TestCentsString(t *testing.T) {
	for cents, want := range map[Cents]string{0: "€0.00", 5: "€0.05", 520: "€5.20", 123456: "€1234.56"} {
		if got := cents.String(); got != want {
			t.Errorf("Cents(%d): got %q, want %q", int64(cents), got, want)
		}
	}
}

func TestMenuSections(t *testing.T) {
	menu := Menu{Drinks: []Drink{{ID: 1, Section: "b"}, {ID: 2, Section: "new"}, {ID: 3, Section: "a"}, {ID: 4, Section: "b"}}}
	got := menu.Sections("a", "empty", "b")
	want := []Section{
		{Name: "a", Drinks: []Drink{{ID: 3, Section: "a"}}},
		{Name: "b", Drinks: []Drink{{ID: 1, Section: "b"}, {ID: 4, Section: "b"}}},
		{Name: "new", Drinks: []Drink{{ID: 2, Section: "new"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sections (-want +got):\n%s", diff)
	}
}
