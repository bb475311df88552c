package lab

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNetworkSeed(t *testing.T) {
	got := networkSeed(netip.MustParseAddr("10.77.0.31"), netip.MustParsePrefix("10.77.0.0/24")).content
	for _, want := range []string{"Name=host0\n", "Address=10.77.0.31/24\n", "KeepConfiguration=yes\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "Gateway") {
		t.Error("a machine has a way out")
	}
}

func TestWriteSeedsReplaces(t *testing.T) {
	root := t.TempDir()
	check(t, writeSeeds(root, []seedFile{{path: "/etc/a", link: "/dev/null"}}))
	check(t, writeSeeds(root, []seedFile{{path: "/etc/a", mode: 0o640, content: "x"}}))
	info, err := os.Lstat(filepath.Join(root, "etc/a"))
	check(t, err)
	if info.Mode() != 0o640 {
		t.Errorf("got %s, want a plain file with mode 0640", info.Mode())
	}
}

func TestAuthorize(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it changes owners")
	}
	upper, base := t.TempDir(), t.TempDir()
	check(t, writeSeeds(base, []seedFile{
		{path: "/etc/passwd", mode: 0o644, content: "root:x:0:0:root:/root:/bin/bash\n"},
		{path: "/etc/group", mode: 0o644, content: "root:x:0:\n"},
		{path: "/etc/shadow", mode: 0o640, content: "root:*:20000:0:99999:7:::\n"},
	}))
	check(t, authorize(upper, base, "admin", []byte("ssh-ed25519 AAAA operator")))
	for path, want := range map[string]string{
		"/etc/passwd":                      "root:x:0:0:root:/root:/bin/bash\nadmin:x:1000:1000::/home/admin:/bin/bash\n",
		"/etc/group":                       "root:x:0:\nadmin:x:1000:\n",
		"/etc/sudoers.d/admin":             "admin ALL=(ALL:ALL) NOPASSWD: ALL\n",
		"/home/admin/.ssh/authorized_keys": "ssh-ed25519 AAAA operator\n",
	} {
		got, err := os.ReadFile(filepath.Join(upper, path))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
		}
	}
	if exists(filepath.Join(upper, "/root/.ssh")) {
		t.Error("root has a key, too")
	}
}

func TestHostKey(t *testing.T) {
	key, err := newHostKey("web1")
	check(t, err)
	public, err := publicHalf(key)
	check(t, err)
	if !strings.HasPrefix(public, "ssh-ed25519 ") || strings.Contains(public, "\n") {
		t.Errorf("got %q, want one line of an ed25519 key", public)
	}
}
