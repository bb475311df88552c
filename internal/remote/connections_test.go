package remote

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const tcpHeader = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

// tcpLine is a line of /proc/net/tcp as this machine's kernel writes it.
func tcpLine(local, state string, waiting int) string {
	a := netip.MustParseAddrPort(local)
	four := a.Addr().As4()
	return fmt.Sprintf("   7: %08X:%04X 0100004D:C350 %s 00000000:%08X 00:00000000 00000000     0        0 4711 1 0000000000000000\n",
		binary.NativeEndian.Uint32(four[:]), a.Port(), state, waiting)
}

func TestParseConnections(t *testing.T) {
	const https, http = "10.77.0.10:443", "10.77.0.10:80"
	for _, c := range []struct {
		name  string
		lines []string
		want  connections
	}{
		{"nobody", nil, connections{}},
		{"both ports are listened on, one twice", []string{tcpLine(https, "0A", 0), tcpLine(https, "0A", 0), tcpLine(http, "0A", 0)}, connections{}},
		{"connections that are not accepted yet", []string{tcpLine(https, "0A", 2), tcpLine(http, "0A", 1), tcpLine(https, "01", 0)}, connections{arriving: 3, open: 1}},
		{"a handshake", []string{tcpLine(https, "03", 0)}, connections{arriving: 1, open: 1}},
		{"established, with and without data", []string{tcpLine(https, "01", 0), tcpLine(http, "01", 517)}, connections{open: 2}},
		{"an answer that is not acknowledged yet", []string{tcpLine(https, "04", 0), tcpLine(https, "0B", 0), tcpLine(https, "09", 0)}, connections{open: 3}},
		{"a client that has sent all it will", []string{tcpLine(https, "08", 0)}, connections{open: 1}},
		{"over: FIN_WAIT2, TIME_WAIT, CLOSE", []string{tcpLine(https, "05", 0), tcpLine(https, "06", 0), tcpLine(https, "07", 0)}, connections{}},
		{"other ports and addresses", []string{tcpLine("10.77.0.10:8080", "01", 0), tcpLine("10.77.0.11:443", "01", 0), tcpLine("10.77.0.10:444", "01", 0)}, connections{}},
	} {
		got, err := parseConnections([]byte(tcpHeader+strings.Join(c.lines, "")), netip.MustParseAddr("10.77.0.10"), []uint16{80, 443})
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(connections{})); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
		}
	}
}

func TestParseConnectionsRefuses(t *testing.T) {
	line := tcpLine("10.77.0.10:443", "0A", 0)
	for name, table := range map[string]string{
		"nothing":        "",
		"another file":   "Active Internet connections\n",
		"a cut-off line": tcpHeader + line[:30],
		"no queue":       tcpHeader + strings.Replace(line, "00000000:00000000", "what", 1),
	} {
		if c, err := parseConnections([]byte(table), netip.MustParseAddr("10.77.0.10"), []uint16{443}); err == nil {
			t.Errorf("%s: read as %+v", name, c)
		}
	}
}

// TestLocalAddress holds on little-endian machines, as all of Debian's common ones are.
func TestLocalAddress(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("a big-endian machine")
	}
	if got, want := localAddress(netip.MustParseAddr("10.77.0.10"), 443), "0A004D0A:01BB"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestOwnConnections reads this machine's own table.
func TestOwnConnections(t *testing.T) {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skipf("no table of connections here: %v", err)
	}
	if _, err := parseConnections(table, netip.MustParseAddr("127.0.0.1"), []uint16{1}); err != nil {
		t.Error(err)
	}
}
