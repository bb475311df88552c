package siteschema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// refusals are what a value breaks of a schema, as "path: word of the schema". It is a
// validator for the words that node has, and no others: decoding the schema into a node
// would drop a word unseen, so schemaOf refuses those.
func refusals(root, s node, path string, v any) []string {
	if s.Ref != "" {
		return refusals(root, resolve(root, s.Ref), path, v)
	}
	if len(s.AnyOf) > 0 {
		var all []string
		for _, one := range s.AnyOf {
			broken := refusals(root, one, path, v)
			if len(broken) == 0 {
				return nil
			}
			all = append(all, broken...)
		}
		return all
	}
	switch v := v.(type) {
	case string:
		return texts(s, path, v)
	case float64:
		if s.Type != "integer" || v != float64(int64(v)) {
			return []string{path + ": type"}
		}
		if int64(v) < *s.Minimum || int64(v) > *s.Maximum {
			return []string{path + ": bounds"}
		}
		return nil
	case []any:
		return lists(root, s, path, v)
	case map[string]any:
		return mappings(root, s, path, v)
	}
	return []string{path + ": type"}
}

func texts(s node, path, v string) []string {
	switch {
	case s.Type != "string":
		return []string{path + ": type"}
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, v):
		return []string{path + ": enum"}
	case s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v):
		return []string{path + ": pattern"}
	case len(v) < s.MinLength:
		return []string{path + ": minLength"}
	}
	return nil
}

func lists(root, s node, path string, v []any) []string {
	if s.Type != "array" {
		return []string{path + ": type"}
	}
	if len(v) < s.MinItems {
		return []string{path + ": minItems"}
	}
	var all []string
	for i, item := range v {
		all = append(all, refusals(root, *s.Items, fmt.Sprintf("%s[%d]", path, i), item)...)
	}
	return all
}

func mappings(root, s node, path string, v map[string]any) []string {
	if s.Type != "object" {
		return []string{path + ": type"}
	}
	var all []string
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			all = append(all, path+"."+name+": required")
		}
	}
	for name, value := range v {
		at := path + "." + name
		if s.PropertyNames != nil && !regexp.MustCompile(s.PropertyNames.Pattern).MatchString(name) {
			all = append(all, at+": propertyNames")
		}
		if key, ok := s.Properties[name]; ok {
			all = append(all, refusals(root, key, at, value)...)
		} else if each, ok := s.AdditionalProperties.(node); ok {
			all = append(all, refusals(root, each, at, value)...)
		} else {
			all = append(all, at+": additionalProperties")
		}
	}
	slices.Sort(all)
	return all
}

// resolve follows a reference inside the schema.
func resolve(root node, ref string) node {
	parts := strings.Split(strings.TrimPrefix(ref, "#/"), "/")
	for ; len(parts) > 1; parts = parts[2:] {
		switch parts[0] {
		case "properties":
			root = root.Properties[parts[1]]
		case "$defs":
			root = root.Defs[parts[1]]
		}
	}
	return root
}

// schemaOf reads a schema back from its JSON.
func schemaOf(t *testing.T, data []byte) node {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	var n node
	if err := decoder.Decode(&n); err != nil {
		t.Fatal(err)
	}
	return each(t, n)
}

// each turns what additionalProperties holds back into schemas.
func each(t *testing.T, n node) node {
	if m, ok := n.AdditionalProperties.(map[string]any); ok {
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		n.AdditionalProperties = schemaOf(t, data)
	}
	for _, below := range []map[string]node{n.Properties, n.Defs} {
		for name, p := range below {
			below[name] = each(t, p)
		}
	}
	return n
}
