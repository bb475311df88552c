package spec

import (
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// described is one key of the table with the path of an instance of it.
type described struct {
	path []string
	*Key
}

// names stand where the user chooses names.
var names = map[string][]string{"servers": {"lb1", "web1", "app1", "db1"}, "env": {"DSN"}, "objectives": {"web-off"}}

// everyKey lists the keys below k with instances of free names.
func everyKey(k *Key, path ...string) []described {
	var all []described
	add := func(child *Key, name string) {
		at := append(slices.Clone(path), name)
		all = append(append(all, described{at, child}), everyKey(child, at...)...)
	}
	for i := range k.Keys {
		add(&k.Keys[i], k.Keys[i].Name)
	}
	if k.Each != nil {
		for _, name := range names[k.Name] {
			add(k.Each, name)
		}
	}
	return all
}

// instance is the example of a key, put together from those below it. YAML reads JSON.
func instance(k *Key) any {
	if k.Example != nil {
		return k.Example
	}
	m := map[string]any{}
	for i := range k.Keys {
		m[k.Keys[i].Name] = instance(&k.Keys[i])
	}
	for _, name := range names[k.Name] {
		m[name] = instance(k.Each)
	}
	return m
}

// wholeSite sets every key there is, on servers of the lab or with addresses.
func wholeSite(remote bool) map[string]any {
	site := instance(siteKeys).(map[string]any)
	for i, role := range roleNames {
		server := map[string]any{"role": role}
		if remote {
			server["address"] = "10.78.0." + []string{"21", "31", "41", "51"}[i]
		}
		site["servers"].(map[string]any)[names["servers"][i]] = server
	}
	return site
}

// at is the mapping around the last name of a path.
func at(site map[string]any, path []string) map[string]any {
	for i, name := range path[:len(path)-1] {
		below, ok := site[name].(map[string]any)
		if !ok { // the word of a choice
			below = map[string]any{}
			for _, k := range siteKeys.Find(path[:i+1]...).Keys {
				below[k.Name] = instance(&k)
			}
			site[name] = below
		}
		site = below
	}
	return site
}

func parseSite(t *testing.T, dir string, site map[string]any) (*Site, error) {
	t.Helper()
	text, err := json.MarshalIndent(site, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return parse(text, filepath.Join(dir, "site.yaml"), now)
}

// problemAt reports whether an error has a problem that names a path.
func problemAt(err error, path string) bool {
	var problems Errors
	return errors.As(err, &problems) && slices.ContainsFunc(problems, func(p Problem) bool { return strings.HasPrefix(p.Reason, path) })
}

func TestExamplesOfAllKeysAreTaken(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	dir := newDir(t)
	for name, remote := range map[string]bool{"lab": false, "addresses": true} {
		if _, err := parseSite(t, dir, wholeSite(remote)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A key that is described is read: a value of another type is refused. That no other
// key is taken needs no test, since the decoder knows its keys from the table only.
func TestEveryDescribedKeyIsRead(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	dir := newDir(t)
	for _, k := range everyKey(siteKeys) {
		path := strings.Join(k.path, ".")
		site := wholeSite(true)
		wrong := any("%")
		if k.Kind == Text || k.Kind == Choice {
			wrong = []int{1}
		}
		at(site, k.path)[k.path[len(k.path)-1]] = wrong
		if _, err := parseSite(t, dir, site); !problemAt(err, path+": must be") {
			t.Errorf("%s: %v is not refused: %v", path, wrong, err)
		}
	}
}

// A text or number outside what is described is refused as well.
func TestDescribedLimitsHold(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	dir := newDir(t)
	for _, k := range everyKey(siteKeys) {
		var wrong []any
		switch {
		case k.Kind == Number:
			wrong = []any{k.Low - 1, k.High + 1}
		case k.Pattern != nil, len(k.Words) > 0, k.Format == Address, k.Format == Network:
			wrong = []any{"%", ""}
		case k.Format == Path:
			wrong = []any{"", "~bob/x"}
		case k.Items != nil && k.Items.Format != AnyText:
			wrong = []any{[]string{"%"}, []string{}}
		}
		path := strings.Join(k.path, ".")
		for _, w := range wrong {
			site := wholeSite(true)
			at(site, k.path)[k.path[len(k.path)-1]] = w
			if _, err := parseSite(t, dir, site); !problemAt(err, path) {
				t.Errorf("%s: %v is not refused: %v", path, w, err)
			}
		}
	}
}

func TestRequiredKeys(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	dir := newDir(t)
	for _, k := range everyKey(siteKeys) {
		if len(k.path) == 2 && k.path[0] == "servers" {
			continue // that a role has no server is another mistake
		}
		site := wholeSite(false)
		delete(at(site, k.path), k.path[len(k.path)-1])
		_, err := parseSite(t, dir, site)
		if missing := err != nil && strings.Contains(err.Error(), quote(k.path[len(k.path)-1])+" is missing"); missing != k.Required {
			t.Errorf("%s: required %t, but without it: %v", strings.Join(k.path, "."), k.Required, err)
		}
	}
}

// Leaving a key out is the same as writing its default.
func TestDescribedDefaults(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	dir := newDir(t)
	tested := 0
	for _, k := range everyKey(siteKeys) {
		if k.Default == nil {
			continue
		}
		tested++
		// Some defaults hold only where no sibling says otherwise, those of ssh only
		// where servers are reached with it.
		site, name := wholeSite(k.path[0] == "ssh"), k.path[len(k.path)-1]
		if k.path[0] == "lab" {
			delete(site, "vips") // they are in the subnet of the example
		}
		around := at(site, k.path)
		parent := siteKeys.Find(k.path[:len(k.path)-1]...)
		maps.DeleteFunc(around, func(sibling string, _ any) bool { return !parent.under(sibling).Required })
		without, err := parseSite(t, dir, site)
		if err != nil {
			t.Errorf("%v: %v", k.path, err)
			continue
		}
		around[name] = k.Default
		with, err := parseSite(t, dir, site)
		if err != nil {
			t.Errorf("%v: %v", k.path, err)
			continue
		}
		if diff := cmp.Diff(without, with, sites, cmpopts.IgnoreFields(Server{}, "Line")); diff != "" {
			t.Errorf("%v (-without +with its default):\n%s", k.path, diff)
		}
	}
	if tested < 10 {
		t.Errorf("only %d keys have a default", tested)
	}
}

func TestEveryKeyIsDescribed(t *testing.T) {
	for _, k := range everyKey(siteKeys) {
		path := strings.Join(k.path, ".")
		if k.Title == "" || strings.HasSuffix(k.Title, ".") {
			t.Errorf("%s: the title is %q", path, k.Title)
		}
		if !strings.HasSuffix(k.Meaning, ".") {
			t.Errorf("%s: the meaning is %q", path, k.Meaning)
		}
		without := 0
		for _, said := range []bool{k.Required, k.Default != nil, k.Else != ""} {
			if said {
				without++
			}
		}
		if k.Name != "" && without != 1 {
			t.Errorf("%s: what holds without it is said %d times", path, without)
		}
	}
}
