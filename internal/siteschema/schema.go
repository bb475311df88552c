// Package siteschema writes down what spec accepts, for editors and for people: the
// JSON Schema of the site file and its reference page. Both are made from spec.Keys,
// which the decoder itself reads, so they say what it does.
package siteschema

import (
	"bytes"
	"encoding/json"

	"scaleup/internal/spec"
)

// File is the customary name of the schema beside a site file.
const File = "site.schema.json"

// Comment is the first line of a site file that has editors check it against a schema.
// It is the convention of yaml-language-server, which most editors use.
func Comment(schema string) string { return "# yaml-language-server: $schema=" + schema }

// draft is the dialect of the schema. It uses no word that draft 7 had not, for the sake
// of older editors.
const draft = "https://json-schema.org/draft/2020-12/schema"

// What a schema can tell of texts that the decoder reads by other means than a pattern.
// Each takes all that the decoder takes, and some that it refuses.
const (
	addressForm = `^[0-9]{1,3}(\.[0-9]{1,3}){3}$`
	networkForm = `^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$`
	pathForm    = `^([^~]|~$|~/)` // home folders of other users are not looked up
)

// node is a schema, with the few words of the language that a site file needs.
type node struct {
	Schema      string `json:"$schema,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`

	Ref       string   `json:"$ref,omitempty"`
	Type      string   `json:"type,omitempty"`
	AnyOf     []node   `json:"anyOf,omitempty"`
	Enum      []string `json:"enum,omitempty"`
	Pattern   string   `json:"pattern,omitempty"`
	MinLength int      `json:"minLength,omitempty"`
	Minimum   *int64   `json:"minimum,omitempty"`
	Maximum   *int64   `json:"maximum,omitempty"`
	Items     *node    `json:"items,omitempty"`
	MinItems  int      `json:"minItems,omitempty"`

	Properties           map[string]node `json:"properties,omitempty"`
	PropertyNames        *node           `json:"propertyNames,omitempty"`
	Required             []string        `json:"required,omitempty"`
	AdditionalProperties any             `json:"additionalProperties,omitempty"` // false, or a node
	Defs                 map[string]node `json:"$defs,omitempty"`

	Default  any   `json:"default,omitempty"`
	Examples []any `json:"examples,omitempty"`
}

// JSON is the schema of a site file, indented, with a newline at its end.
func JSON() ([]byte, error) {
	root := of(spec.Keys())
	root.Schema = draft
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// of is the schema of one key.
func of(k *spec.Key) node {
	n := node{}
	switch k.Kind {
	case spec.Text:
		n = text(k)
	case spec.Number:
		n = node{Type: "integer", Minimum: &k.Low, Maximum: &k.High}
	case spec.List:
		items := of(k.Items)
		n = node{Type: "array", Items: &items, MinItems: 1}
	case spec.Mapping:
		n = mapping(k)
	case spec.Choice:
		n = node{AnyOf: []node{text(k), mapping(k)}}
	}
	n.Title, n.Description, n.Default = k.Title, meaning(k), k.Default
	if k.Example != nil {
		n.Examples = []any{k.Example}
	}
	return n
}

func text(k *spec.Key) node {
	switch {
	case len(k.Words) > 0:
		return node{Type: "string", Enum: k.Words}
	case k.Pattern != nil:
		return node{Type: "string", Pattern: k.Pattern.String()}
	}
	switch k.Format {
	case spec.Address:
		return node{Type: "string", Pattern: addressForm}
	case spec.Network:
		return node{Type: "string", Pattern: networkForm}
	case spec.Path:
		return node{Type: "string", Pattern: pathForm}
	case spec.AnyText:
		return node{Type: "string"}
	}
	return node{Type: "string", MinLength: 1}
}

func mapping(k *spec.Key) node {
	n := node{Type: "object", AdditionalProperties: false}
	if k.Each == nil {
		n.Properties = map[string]node{}
		for i := range k.Keys {
			key := &k.Keys[i]
			n.Properties[key.Name] = of(key)
			if key.Required {
				n.Required = append(n.Required, key.Name)
			}
		}
		return n
	}
	each := of(k.Each)
	if len(k.Known) == 0 {
		n.AdditionalProperties = each
		n.PropertyNames = &node{Pattern: k.Names.String()}
		return n
	}
	// Listed one by one, the names are offered by editors. Such a mapping stands at the
	// top of the file, which the reference relies on.
	const shared = "each"
	n.Defs = map[string]node{shared: each}
	n.Properties = map[string]node{}
	for _, name := range k.Known {
		n.Properties[name] = node{Ref: "#/properties/" + k.Name + "/$defs/" + shared}
	}
	return n
}
