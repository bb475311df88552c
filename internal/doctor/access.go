package doctor

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh/knownhosts"
)

// Access is how far this computer got with a server.
type Access struct {
	User    string
	HostKey string // kind of the key the server has shown, such as ssh-ed25519; "" when it came to none
	Refused error  // why that key was not taken
	Dial    error  // why there is no connection
	Start   error  // why scaleup does not run there; only without Dial
}

// OK reports whether the server could be asked.
func (a Access) OK() bool { return a.Dial == nil && a.Start == nil }

// Checks judges the way to a server.
func (a Access) Checks(server string) []Check {
	if a.Dial != nil {
		fix := a.dialFix()
		return []Check{fatal(failed(fix.id, server, fix.what, "%v", a.Dial))}
	}
	checks := []Check{passed("ssh", server, "signed in as %s", a.User), a.hostKey(server)}
	if a.Start != nil {
		fix := a.startFix()
		return append(checks, fatal(failed(fix.id, server, fix.what, "%v", a.Start)))
	}
	if a.User != "root" {
		checks = append(checks, passed("sudo", server, "%s may use sudo without a password", a.User))
	}
	return append(checks, passed("far-end", server, "scaleup runs there"))
}

func (a Access) hostKey(server string) Check {
	if a.HostKey == "ssh-rsa" {
		return warned("host-key", server, "make a newer one on the server: ssh-keygen -A, and put it into known_hosts",
			"its host key is of the old kind %s", a.HostKey)
	}
	return passed("host-key", server, "its host key is known (%s)", a.HostKey)
}

// remedy is the ID of a check and its fix.
type remedy struct{ id, what string }

// dialFix tells the ways in which there is no connection from each other.
func (a Access) dialFix() remedy {
	timeout := net.Error(nil)
	switch {
	case a.Refused != nil && unknownKey(a.Refused):
		return remedy{"host-key", "compare the key with the server's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there) and add it: ssh-keyscan -t ed25519 ADDRESS >>KNOWN_HOSTS"}
	case a.Refused != nil:
		return remedy{"host-key", "find out why the key has changed before anything else; if the server was installed anew, remove its old line from known_hosts and add the new key"}
	case a.HostKey != "":
		return remedy{"ssh-sign-in", "put the public half of the key into ~/.ssh/authorized_keys of the user there, or see ssh.user and ssh.key in the site file"}
	case errors.Is(a.Dial, syscall.ECONNREFUSED):
		return remedy{"ssh", "nothing listens at that port: start the server's SSH server, or see ssh.port in the site file"}
	case errors.Is(a.Dial, syscall.EHOSTUNREACH), errors.Is(a.Dial, syscall.ENETUNREACH):
		return remedy{"ssh", "there is no way to that address: see the address in the site file, the server's power and cable, and this computer's routes"}
	case errors.Is(a.Dial, context.DeadlineExceeded), errors.Is(a.Dial, os.ErrDeadlineExceeded), errors.As(a.Dial, &timeout) && timeout.Timeout():
		return remedy{"ssh", "the server is off, cut off or frozen, or a packet filter on the way drops what is sent to that port"}
	}
	return remedy{"ssh", "see that an SSH server answers there: ssh -v"}
}

// unknownKey reports whether known_hosts has no key of the server at all; else it has
// another one.
func unknownKey(err error) bool {
	key := (*knownhosts.KeyError)(nil)
	return errors.As(err, &key) && len(key.Want) == 0
}

func (a Access) startFix() remedy {
	said := a.Start.Error()
	switch {
	case strings.Contains(said, "sudo"):
		return remedy{"sudo", "let the user become root without a password; as root there: echo '" + a.User + " ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/scaleup"}
	case strings.Contains(said, "binary is for"):
		return remedy{"architecture", "build scaleup for the server's processor, and run it from a computer of the same kind"}
	case strings.Contains(said, "No space left"):
		return remedy{"disk", "free some space on the server"}
	case errors.Is(a.Start, context.DeadlineExceeded):
		return remedy{"far-end", "the server has signed us in and is too busy to answer: see its load, memory and disk"}
	}
	return remedy{"far-end", "see that the user's login scripts on the server print nothing, and that /usr/local/lib/scaleup can be written"}
}
