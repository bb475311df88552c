package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Number of the sudo user and its group: the first of a normal user.
const sudoerID = 1000

// authorize lets the operator in: as root, or as a user with sudo, as on many
// rented servers. The base layer's account files are extended into the machine's.
func authorize(upper, base string, sudoer string, key []byte) error {
	if sudoer == "" {
		return writeKey(upper, sudoer, key)
	}
	for _, account := range []struct {
		path string
		mode os.FileMode
		line string
	}{
		{"/etc/passwd", 0o644, fmt.Sprintf("%s:x:%d:%d::/home/%s:/bin/bash", sudoer, sudoerID, sudoerID, sudoer)},
		{"/etc/group", 0o644, fmt.Sprintf("%s:x:%d:", sudoer, sudoerID)},
		{"/etc/shadow", 0o640, sudoer + ":*:20000:0:99999:7:::"}, // no password, but not locked: keys work
	} {
		if err := appendLine(filepath.Join(upper, account.path), filepath.Join(base, account.path), account.line, account.mode); err != nil {
			return fmt.Errorf("make user %s: %w", sudoer, err)
		}
	}
	rule := seedFile{path: "/etc/sudoers.d/" + sudoer, mode: 0o440, content: sudoer + " ALL=(ALL:ALL) NOPASSWD: ALL\n"}
	if err := writeSeeds(upper, []seedFile{rule}); err != nil {
		return fmt.Errorf("make user %s: %w", sudoer, err)
	}
	return writeKey(upper, sudoer, key)
}

// home is where the user the operator signs in as lives, and who owns it.
func home(sudoer string) (dir string, owner int) {
	if sudoer == "" {
		return "/root", 0
	}
	return "/home/" + sudoer, sudoerID
}

// reauthorize lets the operator in with another key than the machine was made
// with, as after the operator's state was lost. A running machine is reached
// through its first process: its files are not to be changed below it.
func (l *Lab) reauthorize(r record) error {
	if len(l.key) == 0 {
		return nil
	}
	dir, _ := home(r.Sudoer)
	now, err := os.ReadFile(filepath.Join(l.upper(r.Name), dir, ".ssh", "authorized_keys"))
	if err == nil && strings.TrimSpace(string(now)) == strings.TrimSpace(string(l.key)) {
		return nil
	}
	root := l.upper(r.Name)
	if pid, ok := l.cgroups.init(r.Name); ok {
		root = fmt.Sprintf("/proc/%d/root", pid)
	}
	return writeKey(root, r.Sudoer, l.key)
}

func writeKey(root, sudoer string, key []byte) error {
	dir, owner := home(sudoer)
	name := filepath.Join(dir, ".ssh", "authorized_keys")
	content := strings.TrimSpace(string(key)) + "\n"
	if err := writeSeeds(root, []seedFile{{path: name, mode: 0o600, content: content}}); err != nil {
		return fmt.Errorf("authorize the operator's key: %w", err)
	}
	file := filepath.Join(root, name)
	for path, mode := range map[string]os.FileMode{filepath.Join(root, dir): 0o700, filepath.Dir(file): 0o700, file: 0o600} {
		if err := os.Chmod(path, mode); err != nil {
			return fmt.Errorf("authorize the operator's key: %w", err)
		}
		if err := os.Chown(path, owner, owner); err != nil {
			return fmt.Errorf("authorize the operator's key: %w", err)
		}
	}
	return nil
}

// appendLine writes the base file with one more line.
func appendLine(to, from, line string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, []byte(string(data)+line+"\n"), mode); err != nil {
		return err
	}
	if err := os.Chmod(to, mode); err != nil {
		return err
	}
	return chownLike(to, info)
}
