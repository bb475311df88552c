package lab

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// seedFile is a file of a tree that is not running: content, or a link.
type seedFile struct {
	path    string
	mode    os.FileMode
	content string
	link    string // target; then mode and content do not count
}

// writeSeeds writes files below a root, replacing what is there.
func writeSeeds(root string, files []seedFile) error {
	for _, f := range files {
		path := filepath.Join(root, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		if f.link != "" {
			if err := os.Symlink(f.link, path); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(path, []byte(f.content), f.mode); err != nil {
			return err
		}
		if err := os.Chmod(path, f.mode); err != nil { // whatever the umask
			return err
		}
	}
	return nil
}

// maskedUnits are of no use in a machine and would slow its boot: it has no
// terminal, no disk of its own, no way out, and its names are in /etc/hosts.
var maskedUnits = []string{
	"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
	"console-getty.service", "getty@.service", "container-getty@.service", "getty-static.service",
	"systemd-resolved.service", "systemd-networkd-wait-online.service", "systemd-logind.service",
	"systemd-tpm2-setup.service", "systemd-tpm2-setup-early.service", "systemd-pcrextend.socket", "systemd-pcrlock.socket",
	"systemd-firstboot.service", "systemd-update-done.service", "systemd-hwdb-update.service", "ldconfig.service",
	// What these set up is in the layer already, or nspawn's doing.
	"systemd-sysusers.service", "systemd-journal-catalog-update.service", "systemd-tmpfiles-setup-dev-early.service",
	"systemd-tmpfiles-setup-dev.service", "systemd-remount-fs.service", "dev-hugepages.mount",
	"systemd-networkd-persistent-storage.service", "systemd-hostnamed.socket", "systemd-sysext.socket",
	"systemd-userdbd.socket", "systemd-userdbd.service", "systemd-mountfsd.socket", "systemd-nsresourced.socket",
}

// settleBase sets up what all machines have in common.
func settleBase(tree string) error {
	const wants = "/etc/systemd/system/multi-user.target.wants/"
	files := []seedFile{
		{path: "/etc/systemd/network/10-host0.network", mode: 0o644, content: "# Replaced in each machine.\n"},
		// networkd removes addresses and routes it did not set, such as a virtual
		// address of keepalived, unless told to leave them alone.
		{path: "/etc/systemd/networkd.conf.d/scaleup.conf", mode: 0o644, content: "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n"},
		{path: wants + "systemd-networkd.service", link: "/usr/lib/systemd/system/systemd-networkd.service"},
		{path: "/etc/systemd/system/default.target", link: "/usr/lib/systemd/system/multi-user.target"},
		// The generator would open further sockets for SSH.
		{path: "/etc/systemd/system-generators/systemd-ssh-generator", link: "/dev/null"},
		{path: "/etc/ssh/sshd_config.d/10-lab.conf", mode: 0o644, content: sshdConfig},
		{path: "/etc/resolv.conf", mode: 0o644, content: "# A lab machine has no way out and asks no name server.\n"},
		{path: "/etc/machine-id", mode: 0o444, content: "uninitialized\n"},
	}
	for _, unit := range maskedUnits {
		files = append(files, seedFile{path: "/etc/systemd/system/" + unit, link: "/dev/null"})
	}
	keys, err := filepath.Glob(filepath.Join(tree, "/etc/ssh/ssh_host_*"))
	if err != nil {
		return err
	}
	for _, key := range keys { // each machine has its own
		if err := os.Remove(key); err != nil {
			return err
		}
	}
	return writeSeeds(tree, files)
}

const sshdConfig = `# One kind of host key, which the operator pins.
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
KbdInteractiveAuthentication no
# No name server answers here.
UseDNS no
# Keys only, and nobody to greet: with PAM each sign-in starts six more processes,
# five of them for the message of the day.
UsePAM no
# The operator works on all servers at once, over several channels of one connection.
MaxSessions 50
MaxStartups 100:30:200
`

// machineSeeds are the files that make a machine this one. They are written
// before its first boot.
func machineSeeds(m Machine, hostKey []byte, publicKey string) ([]seedFile, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return nil, fmt.Errorf("make machine id: %w", err)
	}
	return []seedFile{
		{path: "/etc/hostname", mode: 0o644, content: m.Name + "\n"},
		{path: "/etc/machine-id", mode: 0o444, content: hex.EncodeToString(id) + "\n"},
		{path: "/etc/hosts", mode: 0o644, content: "127.0.0.1 localhost\n127.0.1.1 " + m.Name + "\n"},
		{path: "/etc/ssh/ssh_host_ed25519_key", mode: 0o600, content: string(hostKey)},
		{path: "/etc/ssh/ssh_host_ed25519_key.pub", mode: 0o644, content: publicKey + "\n"},
	}, nil
}

// networkSeed is the machine's address. There is no gateway: a machine has no
// way out. The address stays when the cable is cut, as it does on a server with
// a static configuration.
func networkSeed(address netip.Addr, subnet netip.Prefix) seedFile {
	return seedFile{path: "/etc/systemd/network/10-host0.network", mode: 0o644, content: fmt.Sprintf(
		"[Match]\nName=host0\n\n[Network]\nAddress=%s\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nLLDP=no\nEmitLLDP=no\n"+
			"KeepConfiguration=yes\nConfigureWithoutCarrier=yes\nIgnoreCarrierLoss=yes\n",
		netip.PrefixFrom(address, subnet.Bits()))}
}

// newHostKey makes an SSH host key in PEM.
func newHostKey(server string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make host key of %s: %w", server, err)
	}
	block, err := ssh.MarshalPrivateKey(key, server)
	if err != nil {
		return nil, fmt.Errorf("make host key of %s: %w", server, err)
	}
	return pem.EncodeToMemory(block), nil
}

// publicHalf is a host key's line for known_hosts, without the address.
func publicHalf(hostKey []byte) (string, error) {
	signer, err := ssh.ParsePrivateKey(hostKey)
	if err != nil {
		return "", fmt.Errorf("read host key: %w", err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), nil
}
