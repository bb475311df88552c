package secrets

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/crypto/ssh"
)

const sshKey = "id_ed25519"

// SSHKey returns the path of the lab's private key and its public half as a line
// of authorized_keys. It makes the key once.
func (s *Store) SSHKey() (path string, authorized []byte, err error) {
	path = s.Path(sshKey)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if content, err = newSSHKey(); err != nil {
			return "", nil, err
		}
		err = s.write(sshKey, content)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read the lab's SSH key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(content)
	if err != nil {
		return "", nil, fmt.Errorf("read the lab's SSH key %s: %w", path, err)
	}
	return path, ssh.MarshalAuthorizedKey(signer.PublicKey()), nil
}

func newSSHKey() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make an SSH key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "scaleup lab")
	if err != nil {
		return nil, fmt.Errorf("encode an SSH key: %w", err)
	}
	return pem.EncodeToMemory(block), nil
}

// WriteKnownHosts stores host key lines beside the key, in OpenSSH's format.
func (s *Store) WriteKnownHosts(lines []byte) error { return s.write("known_hosts", lines) }
