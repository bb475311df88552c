package fault

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/resource"
)

func TestScript(t *testing.T) {
	s := newServer(t, t.TempDir())
	must(t, (&Cut{Peers: peers, Direction: Both, SSH: 2222}).Inject(t.Context(), s.place("one")))
	const want = `table inet scaleup_drill
delete table inet scaleup_drill

table inet scaleup_drill {
	counter seen {
	}
	counter dropped_in {
	}
	counter dropped_out {
	}
	set drilled {
		type ipv4_addr
		flags timeout
		elements = { 192.0.2.11 timeout 90000ms, 192.0.2.12 timeout 90000ms }
	}
	chain prerouting {
		type filter hook prerouting priority -310; policy accept;
		tcp dport 2222 accept
		ip saddr @drilled counter name dropped_in drop
	}
	chain output {
		type filter hook output priority -310; policy accept;
		tcp sport 2222 accept
		ip daddr @drilled counter name dropped_out drop
	}
}
`
	if diff := cmp.Diff(want, s.table); diff != "" {
		t.Errorf("script (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"nft -f -"}, s.commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestParseTable(t *testing.T) {
	for text, want := range map[string]table{
		// As nft 1.0.6 prints it; sets without elements have no elem.
		`{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "scaleup_drill"}},
			{"counter": {"name": "dropped_in", "packets": 3, "bytes": 252}}, {"counter": {"name": "dropped_out", "packets": 4, "bytes": 1}},
			{"set": {"name": "drilled", "flags": ["timeout"], "elem": [{"elem": {"val": "192.0.2.11", "timeout": 90, "expires": 89}}]}}]}`: {
			There: true, Packets: map[string]uint64{"dropped_in": 3, "dropped_out": 4}, Elements: 1,
		},
		`{"nftables": [{"set": {"name": "drilled", "flags": ["timeout"]}}]}`: {There: true, Packets: map[string]uint64{}},
	} {
		got, err := parseTable([]byte(text))
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if _, err := parseTable([]byte("nftables")); err == nil {
		t.Error("what is no JSON was read")
	}
}

func TestRefusedCuts(t *testing.T) {
	at := newServer(t, t.TempDir()).place("one")
	for name, f := range map[string]Fault{
		"no peers":             &Cut{Direction: Both, SSH: 22},
		"no direction":         &Cut{Peers: peers, SSH: 22},
		"no port of SSH":       &Cut{Peers: peers, Direction: In},
		"IPv6":                 &Cut{Peers: []netip.Addr{netip.MustParseAddr("2001:db8::1")}, Direction: In, SSH: 22},
		"longer than lease":    &Blackhole{Addresses: peers, For: 91 * time.Second, SSH: 22},
		"for no time":          &Blackhole{Addresses: peers, SSH: 22},
		"nothing to lose":      &Loss{SSH: 22},
		"more than everything": &Loss{Percent: 101, SSH: 22},
	} {
		if err := f.Inject(t.Context(), at); err == nil {
			t.Errorf("%s: was injected", name)
		}
	}
}

// The real program accepts every rule set.
func TestNftAccepts(t *testing.T) {
	n := newNetwork(t)
	checked := 0
	at := n.place(90 * time.Second)
	at.System.Run = func(_ context.Context, c resource.Command) ([]byte, error) {
		checked++
		cmd := exec.Command(c.Argv[0], append([]string{"-c"}, c.Argv[1:]...)...)
		cmd.Stdin = c.Stdin
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return out, err
	}
	for _, f := range []Fault{
		&Cut{Peers: peers, Direction: Both, SSH: 22}, &Cut{Peers: peers, Direction: In, SSH: 22}, &Cut{Peers: peers, Direction: Out, SSH: 22},
		&Blackhole{Addresses: peers, For: 3 * time.Second, SSH: 22}, &Loss{Percent: 20, SSH: 22},
	} {
		if err := f.Inject(t.Context(), at); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
	if checked != 5 {
		t.Errorf("%d rule sets were checked", checked)
	}
}

func TestCutDropsPackets(t *testing.T) {
	n := newNetwork(t)
	peer := []netip.Addr{netip.MustParseAddr(peerAddress)}
	for direction, want := range map[Direction]string{
		Both: "dropped 0 packets in and 20 out", // nothing goes out that could be answered
		In:   "dropped 20 packets in and 0 out",
		Out:  "dropped 0 packets in and 20 out",
	} {
		at := n.place(90 * time.Second)
		f := &Cut{Peers: peer, Direction: direction, SSH: 22}
		must(t, f.Inject(t.Context(), at))
		if got := n.answers(20, 100*time.Millisecond); got != 0 {
			t.Errorf("%s: %d answers", direction, got)
		}
		if got := expect(t, "bites", true, f.Bites, at); got != want {
			t.Errorf("%s: %s, want %s", direction, got, want)
		}
		expect(t, "healed", false, f.Healed, at)
		must(t, f.Heal(t.Context(), at))
		expect(t, "healed", true, f.Healed, at)
		if got := n.answers(20, time.Second); got != 20 {
			t.Errorf("%s: %d of 20 answers after healing", direction, got)
		}
	}
}

func TestCutLetsSSHPass(t *testing.T) {
	n := newNetwork(t)
	for _, port := range []string{"22", "80"} {
		l, err := net.Listen("tcp4", ownAddress+":"+port)
		must(t, err)
		defer l.Close()
	}
	f := &Cut{Peers: []netip.Addr{netip.MustParseAddr(peerAddress)}, Direction: Both, SSH: 22}
	must(t, f.Inject(t.Context(), n.place(90*time.Second)))
	// bash opens the connection; the kernel's answer is all that is asked for.
	dial := func(port string) error {
		return exec.Command("nsenter", "--target", n.peer, "--net", "timeout", "0.5", "bash", "-c", "exec 3<>/dev/tcp/"+ownAddress+"/"+port).Run()
	}
	if err := dial("22"); err != nil {
		t.Errorf("SSH does not pass: %v", err)
	}
	if dial("80") == nil {
		t.Error("another port passes")
	}
}

// The kernel ends it to the millisecond, and nobody else has a part in it.
func TestBlackholeLastsExactly(t *testing.T) {
	n := newNetwork(t)
	const last = 500 * time.Millisecond
	f := &Blackhole{Addresses: []netip.Addr{netip.MustParseAddr(peerAddress)}, For: last, SSH: 22}
	at := n.place(90 * time.Second)
	must(t, f.Inject(t.Context(), at))
	began := time.Now()
	for n.answers(1, 2*time.Millisecond) == 0 {
		if time.Since(began) > 10*last {
			t.Fatal("it does not end")
		}
	}
	// It began before Inject returned; it seems longer when this computer is busy.
	if took := time.Since(began); took < last-100*time.Millisecond || took > last+500*time.Millisecond {
		t.Errorf("it took %s, want %s", took, last)
	}
	expect(t, "bites", true, f.Bites, at)
	if text := expect(t, "healed", true, f.Healed, at); !strings.Contains(text, "expired") {
		t.Errorf("proof: %s", text)
	}
}

func TestLossLosesAndExpires(t *testing.T) {
	n := newNetwork(t)
	f := &Loss{Percent: 50, SSH: 22}
	at := n.place(time.Second)
	must(t, f.Inject(t.Context(), at))
	// Request and answer pass with one half each: a quarter of 400, give or take six
	// standard deviations of 8.7.
	if got := n.answers(400, 100*time.Millisecond); got < 48 || got > 152 {
		t.Errorf("%d of 400 answers, want about 100", got)
	}
	expect(t, "bites", true, f.Bites, at)
	for began := time.Now(); ; {
		if _, ok, err := f.Healed(t.Context(), at); err != nil || ok {
			must(t, err)
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal("it does not expire")
		}
	}
	if got := n.answers(400, time.Second); got != 400 {
		t.Errorf("%d of 400 answers after it has expired", got)
	}
}

// Tables of others stay.
func TestHealingLeavesOtherTables(t *testing.T) {
	n := newNetwork(t)
	n.run("nft", "add", "table", "inet", "scaleup")
	at := n.place(90 * time.Second)
	f := &Loss{Percent: 50, SSH: 22}
	must(t, f.Inject(t.Context(), at))
	must(t, f.Heal(t.Context(), at))
	if got := strings.TrimSpace(n.run("nft", "list", "tables")); got != "table inet scaleup" {
		t.Errorf("tables: %s", got)
	}
}
