package resource

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
)

// ID implements Spec.
func (u *User) ID() string { return "user:" + u.Name }

// Want implements Spec.
func (u *User) Want() State { return userState(u.Groups) }

func userState(groups []string) State {
	groups = slices.Sorted(slices.Values(groups))
	return State(strings.TrimSpace("system user " + strings.Join(groups, ",")))
}

// Observe implements Spec.
func (u *User) Observe(_ context.Context, sys System) (State, error) {
	found, err := hasEntry(sys, "/etc/passwd", u.Name)
	if err != nil {
		return "", err
	}
	if !found {
		return Absent, nil
	}
	var in []string
	for _, g := range u.Groups {
		member, err := inGroup(sys, g, u.Name)
		if err != nil {
			return "", err
		}
		if member {
			in = append(in, g)
		}
	}
	return userState(in), nil
}

// Apply implements Spec.
func (u *User) Apply(ctx context.Context, sys System) error {
	found, err := hasEntry(sys, "/etc/passwd", u.Name)
	if err != nil {
		return err
	}
	if !found {
		home := u.Home
		if home == "" {
			home = "/nonexistent"
		}
		if _, err := sys.command(ctx, "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", home, "--shell", "/usr/sbin/nologin", u.Name); err != nil {
			return fmt.Errorf("make user %s: %w", u.Name, err)
		}
	}
	for _, g := range u.Groups {
		if _, err := sys.command(ctx, "usermod", "--append", "--groups", g, u.Name); err != nil {
			return fmt.Errorf("add user %s to group %s: %w", u.Name, g, err)
		}
	}
	return nil
}

func hasEntry(sys System, database, name string) (bool, error) {
	fields, err := entry(sys, database, name)
	return fields != nil, err
}

func inGroup(sys System, group, name string) (bool, error) {
	fields, err := entry(sys, "/etc/group", group)
	if err != nil || len(fields) < 4 {
		return false, err
	}
	return slices.Contains(strings.Split(fields[3], ","), name), nil
}

// entry returns the fields of one line of passwd or group, nil when there is none.
func entry(sys System, database, name string) ([]string, error) {
	file, err := os.Open(sys.path(database))
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", name, err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), ":"); fields[0] == name {
			return fields, nil
		}
	}
	return nil, lines.Err()
}
