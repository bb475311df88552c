package main

import (
	"io"
	"testing"
)

func TestParseFlags(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		out  string
		fail bool
	}{
		{"all of it", nil, defaultOut, false},
		{"a part writes no document", []string{"-only", "http"}, "", false},
		{"unless one is named", []string{"-only", "http", "-out", "x.md"}, "x.md", false},
		{"a broken expression", []string{"-only", "("}, "", true},
		{"no runs", []string{"-runs", "0"}, "", true},
		{"no failovers", []string{"-failovers", "0"}, "", true},
		{"a word", []string{"http"}, "", true},
	} {
		got, err := parseFlags(c.args, io.Discard)
		if (err != nil) != c.fail {
			t.Errorf("%s: error %v, want one: %t", c.name, err, c.fail)
		}
		if err == nil && (got.out != c.out || got.runs != 5 || got.failovers != 10) {
			t.Errorf("%s: writes %q after %d runs and %d failovers, want %q after 5 and 10", c.name, got.out, got.runs, got.failovers, c.out)
		}
	}
}
