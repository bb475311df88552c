package ssh

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
)

// remoteDir holds the pushed binaries, one folder per digest.
const remoteDir = "/usr/local/lib/scaleup"

// pushScript stores standard input as the binary with digest $1 in folder $3 if
// the machine is a $2. Both the interrupted and the repeated push leave a whole
// file. The four binaries pushed last stay, and any that a unit names: the helpers
// run an older one until the plan has restarted them.
const pushScript = `set -eu
have=$(uname -m)
if [ "$have" != "$2" ]; then echo "this server is $have and the binary is for $2; build scaleup for it"; exit 3; fi
umask 022
d=$3/$1
mkdir -p "$d"
cat >"$d/.new"
echo "$1  $d/.new" | sha256sum --check --status || { echo "the binary arrived damaged"; exit 4; }
chmod 0755 "$d/.new"
mv "$d/.new" "$d/scaleup"
cd "$3"
ls -1t | tail -n +5 | while read -r old; do
  grep -rqsF "$old" /etc/systemd/system || rm -rf "./$old"
done`

// Binary is the scaleup executable to run on servers.
type Binary struct {
	Path   string // on this machine
	Digest string // hex sha256
}

// OwnBinary is the executable of this process.
func OwnBinary() (Binary, error) {
	path, err := os.Executable()
	if err != nil {
		return Binary{}, fmt.Errorf("find the scaleup binary: %w", err)
	}
	return BinaryAt(path)
}

// BinaryAt describes an executable by its path.
func BinaryAt(path string) (Binary, error) {
	file, err := os.Open(path)
	if err != nil {
		return Binary{}, fmt.Errorf("read the scaleup binary: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return Binary{}, fmt.Errorf("read the scaleup binary: %w", err)
	}
	return Binary{Path: path, Digest: hex.EncodeToString(sum.Sum(nil))}, nil
}

// RemotePath is where the binary lies on a server.
func (b Binary) RemotePath() string { return remoteDir + "/" + b.Digest + "/scaleup" }

// Machine is this build's architecture in the words of uname -m.
func (b Binary) Machine() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	default:
		return runtime.GOARCH
	}
}
