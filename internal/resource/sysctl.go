package resource

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ID implements Spec.
func (s *Sysctls) ID() string { return "sysctls:live" }

// Want implements Spec.
func (s *Sysctls) Want() State { return s.state(s.Values) }

func (s *Sysctls) state(values map[string]string) State {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(s.Values)) {
		words = append(words, key+"="+strings.Join(strings.Fields(values[key]), ","))
	}
	return State(strings.Join(words, " "))
}

// Observe implements Spec.
func (s *Sysctls) Observe(_ context.Context, sys System) (State, error) {
	now := map[string]string{}
	for key := range s.Values {
		value, err := os.ReadFile(sys.path(sysctlPath(key)))
		if err != nil && !absent(err) {
			return "", fmt.Errorf("read sysctl %s: %w", key, err)
		}
		now[key] = strings.TrimSpace(string(value))
	}
	return s.state(now), nil
}

// Apply implements Spec.
func (s *Sysctls) Apply(_ context.Context, sys System) error {
	for _, key := range slices.Sorted(maps.Keys(s.Values)) {
		if err := os.WriteFile(sys.path(sysctlPath(key)), []byte(s.Values[key]), 0o644); err != nil {
			return fmt.Errorf("set sysctl %s: %w", key, err)
		}
	}
	return nil
}

// sysctlPath reads a key as sysctl(8) does: with a slash in it, dots are part of names.
func sysctlPath(key string) string {
	if strings.Contains(key, "/") {
		return filepath.Join("/proc/sys", key)
	}
	return filepath.Join("/proc/sys", strings.ReplaceAll(key, ".", "/"))
}
