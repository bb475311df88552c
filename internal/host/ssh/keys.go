package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// ReadSigner reads a private key file without a passphrase.
func ReadSigner(path string) (ssh.Signer, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the SSH key: %w; name another with ssh.key in the site file", err)
	}
	signer, err := ssh.ParsePrivateKey(content)
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
		return nil, fmt.Errorf("read the SSH key %s: it has a passphrase; use a key without one, kept 0600", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the SSH key %s: %w", path, err)
	}
	return signer, nil
}

// KnownHosts verifies host keys against an OpenSSH known_hosts file.
func KnownHosts(path string) (ssh.HostKeyCallback, error) {
	callback, err := knownhosts.New(path)
	if err != nil {
		return nil, fmt.Errorf("read the known host keys: %w; make the file with: ssh-keyscan -t ed25519 ADDRESS >>%s, and compare the keys with the servers' own", err, path)
	}
	return callback, nil
}

// FixedKey accepts exactly one host key: the lab knows what it made.
func FixedKey(authorized string) (ssh.HostKeyCallback, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(authorized))
	if err != nil {
		return nil, fmt.Errorf("read the host key of a lab machine: %w", err)
	}
	return ssh.FixedHostKey(key), nil
}

// explain turns the library's errors into what the operator can do about them.
func explain(err error) error {
	changed := (*knownhosts.KeyError)(nil)
	switch {
	case errors.As(err, &changed) && len(changed.Want) > 0:
		return fmt.Errorf("its host key is not the one in %s line %d: somebody may be in between, or the server was installed anew; if it was, remove that line",
			changed.Want[0].Filename, changed.Want[0].Line)
	case errors.As(err, &changed):
		return errors.New("its host key is not in known_hosts; add it with ssh-keyscan after comparing it with the server's own")
	case strings.Contains(err.Error(), "unable to authenticate"):
		return errors.New("the server does not accept the key; put its public half into ~/.ssh/authorized_keys there")
	default:
		return err
	}
}

// tail keeps the last few KiB a far end wrote to its standard error.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - tailSize; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.buf.String())
}

func (t *tail) contains(s string) bool { return strings.Contains(t.String(), s) }

func firstLine(out []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
