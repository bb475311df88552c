package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// describeMachine tells what a reader must know to compare figures: processor,
// memory, kernel, distribution. It names neither the computer nor its folders.
func describeMachine() []string {
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	memory, _ := os.ReadFile("/proc/meminfo")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	system, _ := os.ReadFile("/etc/os-release")
	return []string{
		fmt.Sprintf("%d × %s", runtime.NumCPU(), or(field(string(cpu), "model name", ":"), runtime.GOARCH)),
		memorySize(string(memory)) + " of memory",
		"Linux " + strings.TrimSpace(string(kernel)),
		or(strings.Trim(field(string(system), "PRETTY_NAME", "="), `"`), "an unnamed distribution"),
	}
}

// field is the value of the first line that begins with a key.
func field(text, key, separator string) string {
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(line, separator); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func memorySize(meminfo string) string {
	number, _, _ := strings.Cut(field(meminfo, "MemTotal", ":"), " ")
	kib, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%.1f GiB", kib/(1<<20))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
