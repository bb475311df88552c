package inspect

import (
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scaleup/internal/resource"
)

func TestParseSocketAddress(t *testing.T) {
	for text, want := range map[string]string{
		"0B004D0A:1F90":                         "10.77.0.11:8080",
		"00000000:0016":                         "0.0.0.0:22",
		"00000000000000000000000000000000:0016": "[::]:22",
		"B80D0120000000000000000001000000:0050": "[2001:db8::1]:80",
		"0000000000000000FFFF00000B004D0A:1F98": "10.77.0.11:8088",
		"0B004D0A":                              "",
		"0B004D0A:":                             "",
		"0B004D:1F90":                           "",
		"0B004D0A0B004D0A:1F90":                 "",
		"nonsense:1F90":                         "",
	} {
		got, err := parseSocketAddress(text)
		if (err != nil) != (want == "") || err == nil && got.String() != want {
			t.Errorf("%s: %s, %v; want %q", text, got, err, want)
		}
	}
}

func TestParseSocketsRefusesOtherFiles(t *testing.T) {
	for _, text := range []string{"head\n 0: 0B004D0A:1F90 00000000:0000 0A\n", "head\n 0: x 00000000:0000 0A 0 0 0 0 0 77\n"} {
		if got, err := parseSockets(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}

func TestListeners(t *testing.T) {
	s := server{resource.System{Root: t.TempDir()}}
	put(t, s, "/proc/net/tcp", fixture(t, "tcp.txt"))
	process(t, s, "48", "sshd", "5006", "5007")
	process(t, s, "96", "haproxy", "5011", "5012", "5013", "4711")
	process(t, s, "182", "worker", "5009") // one that nginx has started
	process(t, s, "181", "nginx", "5009")

	v4 := []Listen{
		listen("0.0.0.0:22", "sshd"), listen("10.77.0.10:443", "haproxy"), listen("10.77.0.11:8080", "haproxy"),
	}
	check := func(name string, want []Listen) {
		t.Helper()
		got, err := s.listeners()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	check("a kernel without IPv6", v4)
	put(t, s, "/proc/net/tcp6", fixture(t, "tcp6.txt"))
	check("both", append(v4, listen("10.77.10.1:8088", ""), listen("[::]:22", "sshd"), listen("[2001:db8::1]:80", "nginx")))

	if err := os.Remove(s.path("/proc/net/tcp")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.listeners(); err == nil {
		t.Errorf("without the kernel's list: %v, want an error", got)
	}
}

// Nginx has a socket of its own for each worker process at one address.
func TestListenersOnce(t *testing.T) {
	s := server{resource.System{Root: t.TempDir()}}
	put(t, s, "/proc/net/tcp", "head\n 0: 1F004D0A:0050 00000000:0000 0A 0 0 0 0 0 61\n 1: 1F004D0A:0050 00000000:0000 0A 0 0 0 0 0 62\n")
	process(t, s, "180", "nginx", "61", "62")
	got, err := s.listeners()
	if want := listen("10.77.0.31:80", "nginx"); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

// systemd keeps a socket of the guard while that is started again.
func TestListenersThatAreKept(t *testing.T) {
	s := server{resource.System{Root: t.TempDir()}}
	put(t, s, "/proc/net/tcp", "head\n 0: 33004D0A:1F48 00000000:0000 0A 0 0 0 0 0 61\n")
	process(t, s, "1", "systemd", "61")
	check := func(program string) {
		t.Helper()
		got, err := s.listeners()
		if want := listen("10.77.0.51:8008", program); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	check("systemd")
	process(t, s, "548", "scaleup", "61")
	check("scaleup")
}

func listen(at, program string) Listen {
	return Listen{At: netip.MustParseAddrPort(at), Program: program}
}

// process makes one that has sockets open.
func process(t *testing.T, s server, pid, name string, inodes ...string) {
	t.Helper()
	put(t, s, "/proc/"+pid+"/comm", name+"\n")
	put(t, s, "/proc/"+pid+"/fd/0", "")
	for _, inode := range inodes {
		if err := os.Symlink("socket:["+inode+"]", s.path("/proc/"+pid+"/fd/1"+inode)); err != nil {
			t.Fatal(err)
		}
	}
}
