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
	line := strings.TrimSpace(string(key)) + "\n"
	if sudoer == "" {
		return writeKey(upper, "/root", line, 0)
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
	return writeKey(upper, "/home/"+sudoer, line, sudoerID)
}

func writeKey(upper, home, line string, owner int) error {
	file := filepath.Join(upper, home, ".ssh", "authorized_keys")
	if err := writeSeeds(upper, []seedFile{{path: filepath.Join(home, ".ssh", "authorized_keys"), mode: 0o600, content: line}}); err != nil {
		return fmt.Errorf("authorize the operator's key: %w", err)
	}
	for path, mode := range map[string]os.FileMode{filepath.Join(upper, home): 0o700, filepath.Dir(file): 0o700, file: 0o600} {
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
