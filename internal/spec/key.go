package spec

import "regexp"

// Key describes one key of the site file. The decoder takes from it which keys a
// mapping may have and how large a number may be; the JSON Schema, the reference
// page and the file that init writes are made from it. So none of them can know a
// key that another does not.
type Key struct {
	Name     string // "" where the user chooses the names
	Title    string // a few words
	Meaning  string // whole sentences, plain text
	Kind     Kind
	Required bool   // in the mapping around it; Meaning tells what else may require it
	Default  any    // what holds without the key, as a value of JSON; nil: see Else
	Else     string // in words, what holds without the key where Default does not say it
	Example  any    // a value that the decoder takes, as a value of JSON; nil where Keys or Each have their own

	Words   []string       // Text: the only ones there are
	Pattern *regexp.Regexp // Text: what it must match
	Format  Format         // Text: how it is read
	Low     int64          // Number: the least
	High    int64          // Number: the most
	Items   *Key           // List: each of its items
	Keys    []Key          // Mapping: its keys
	Each    *Key           // Mapping whose names the user chooses: what stands under each
	Names   *regexp.Regexp // of such a mapping: what its names must match
	Known   []string       // of such a mapping: the only names there are
}

// Kind is the type of a key's value.
type Kind string

// The kinds of values, as messages and the reference page call them.
const (
	Text    Kind = "text"
	Number  Kind = "whole number"
	List    Kind = "list"
	Mapping Kind = "keys with values"
	// Choice is one of Words, or else a mapping of Keys.
	Choice Kind = "text, or keys with values"
)

// Format is how a text is read where no pattern says it all.
type Format string

// The formats of texts.
const (
	AnyText Format = "any"     // may be empty
	Address Format = "address" // IPv4
	Network Format = "network" // IPv4 with the length of its prefix
	Path    Format = "path"    // absolute, below ~, or relative to the site file's folder
)

// Keys describes the whole site file: a mapping.
func Keys() *Key { return siteKeys }

// under is the description of what stands under a name; nil when nothing may.
func (k *Key) under(name string) *Key {
	for i := range k.Keys {
		if k.Keys[i].Name == name {
			return &k.Keys[i]
		}
	}
	return k.Each
}

// known lists the names a mapping may hold.
func (k *Key) known() []string {
	if k.Each != nil {
		return k.Known
	}
	names := make([]string, len(k.Keys))
	for i, key := range k.Keys {
		names[i] = key.Name
	}
	return names
}

// Find is the key at a path such as ssh.user; nil when there is none. A name that the
// user chooses is written as *.
func (k *Key) Find(path ...string) *Key {
	for _, name := range path {
		if k = k.under(name); k == nil {
			return nil
		}
	}
	return k
}
