package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh/knownhosts"
)

func TestAccess(t *testing.T) {
	reach := func(err error) error { return fmt.Errorf("reach db1 at 192.0.2.51:22: %w", err) }
	unknown, changed := &knownhosts.KeyError{}, &knownhosts.KeyError{Want: []knownhosts.KnownKey{{Filename: "known_hosts", Line: 3}}}
	for _, c := range []struct {
		name   string
		access Access
		id     string
		result Result
		fix    string // part of it
	}{
		{"as it should be", Access{User: "root", HostKey: "ssh-ed25519"}, "ssh", Pass, ""},
		{"its host key", Access{User: "root", HostKey: "ssh-ed25519"}, "host-key", Pass, ""},
		{"an old host key", Access{User: "root", HostKey: "ssh-rsa"}, "host-key", Warn, "ssh-keygen -A"},
		{"refused", Access{Dial: reach(syscall.ECONNREFUSED)}, "ssh", Fail, "nothing listens"},
		{"no route", Access{Dial: reach(syscall.EHOSTUNREACH)}, "ssh", Fail, "no way to that address"},
		{"silent", Access{Dial: reach(os.ErrDeadlineExceeded)}, "ssh", Fail, "off, cut off or frozen"},
		{"slow", Access{Dial: reach(context.DeadlineExceeded)}, "ssh", Fail, "off, cut off or frozen"},
		{"something else", Access{Dial: reach(errors.New("EOF"))}, "ssh", Fail, "ssh -v"},
		{"an unknown host key", Access{HostKey: "ssh-ed25519", Refused: fmt.Errorf("check: %w", unknown), Dial: errors.New("sign in")}, "host-key", Fail, "ssh-keyscan"},
		{"another host key", Access{HostKey: "ssh-ed25519", Refused: changed, Dial: errors.New("sign in")}, "host-key", Fail, "has changed"},
		{"another key of a lab machine", Access{HostKey: "ssh-ed25519", Refused: errors.New("ssh: host key mismatch"), Dial: errors.New("sign in")}, "host-key", Fail, "has changed"},
		{"a key that is not let in", Access{HostKey: "ssh-ed25519", Dial: errors.New("the server does not accept the key")}, "ssh-sign-in", Fail, "authorized_keys"},
		{"sudo", Access{User: "admin", HostKey: "ssh-ed25519"}, "sudo", Pass, ""},
		{"sudo with a password", Access{User: "admin", HostKey: "ssh-ed25519", Start: errors.New("it ended with exit code 1: sudo: a password is required")}, "sudo", Fail, "admin ALL=(ALL) NOPASSWD: ALL"},
		{"another processor", Access{User: "root", HostKey: "ssh-ed25519", Start: errors.New("push scaleup: this server is aarch64 and the binary is for x86_64")}, "architecture", Fail, "build scaleup"},
		{"a full disk", Access{User: "root", HostKey: "ssh-ed25519", Start: errors.New("push scaleup: cat: write error: No space left on device")}, "disk", Fail, "free some"},
		{"a busy server", Access{User: "root", HostKey: "ssh-ed25519", Start: fmt.Errorf("ask db1: %w", context.DeadlineExceeded)}, "far-end", Fail, "too busy"},
		{"a talkative login", Access{User: "root", HostKey: "ssh-ed25519", Start: errors.New("its answer cannot be read")}, "far-end", Fail, "login scripts"},
	} {
		checks := c.access.Checks("db1")
		want(t, c.name, checks, c.id, c.result, c.result == Fail)
		if ok := c.result != Fail; ok != c.access.OK() {
			t.Errorf("%s: OK is %v", c.name, c.access.OK())
		}
		for _, check := range checks {
			if check.Server != "db1" || check.ID == c.id && !strings.Contains(check.Fix, c.fix) {
				t.Errorf("%s: %+v", c.name, check)
			}
		}
	}
}

// root needs no sudo, and so there is nothing to say of it.
func TestAccessOfRoot(t *testing.T) {
	for _, c := range (Access{User: "root", HostKey: "ssh-ed25519"}).Checks("db1") {
		if c.ID == "sudo" {
			t.Errorf("%+v", c)
		}
	}
}
