package main

import "testing"

func TestField(t *testing.T) {
	const cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2.80GHz\nprocessor\t: 1\nmodel name\t: Other\n"
	if got := field(cpuinfo, "model name", ":"); got != "Some CPU @ 2.80GHz" {
		t.Errorf("model name: %q", got)
	}
	if got := field(cpuinfo, "vendor", ":"); got != "" {
		t.Errorf("a field that is not there: %q", got)
	}
	if got := memorySize("MemTotal:       25165824 kB\n"); got != "24.0 GiB" {
		t.Errorf("memory: %q", got)
	}
	if got := memorySize(""); got != "an unknown amount" {
		t.Errorf("no memory: %q", got)
	}
}
