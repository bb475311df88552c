package ssh

import "scaleup/internal/remote"

// Become is the command that has a login shell on the server run argv as root in its
// own place, for a client that brings a terminal. It holds constants, a digest and
// base64url, nothing that the shell could take for more. The server must have the
// binary already, which any Call sees to.
func (t Target) Become(argv []string) (string, error) {
	encoded, err := remote.EncodeArgv(argv)
	if err != nil {
		return "", err
	}
	return "exec " + t.sudo() + t.Binary.RemotePath() + " remote --become " + encoded, nil
}
