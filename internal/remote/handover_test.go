package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/resource"
)

// balancerWorld is a load balancer that holds the addresses: its commands, its
// HAProxy's admin socket and its keepalived.
type balancerWorld struct {
	t    *testing.T
	root string

	mu      sync.Mutex
	happens []string // what was done to it, in order
	fails   map[string]error
	open    bool // HAProxy's public frontends
	users   int  // connections at the public address
	stay    bool // they do not end
	stuck   bool // keepalived does not move the addresses
	reloads bool // an ordered reload comes about
	onCut   func()
}

func newBalancerWorld(t *testing.T) *balancerWorld {
	t.Helper()
	w := &balancerWorld{t: t, root: t.TempDir(), fails: map[string]error{}, open: true, reloads: true}
	for _, dir := range []string{"proc/net", filepath.Dir(YieldFile), filepath.Dir(haproxyctl.AdminSocket)} {
		if err := os.MkdirAll(filepath.Join(w.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.connect(2)
	listener, err := net.Listen("unix", filepath.Join(w.root, haproxyctl.AdminSocket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			command, _ := bufio.NewReader(conn).ReadString('\n')
			io.WriteString(conn, w.haproxy(strings.TrimSpace(command))+"\n")
			conn.Close()
		}
	}()
	return w
}

// connect has so many users at the public address.
func (w *balancerWorld) connect(users int) {
	w.users = users
	table := tcpHeader + tcpLine("10.77.0.10:443", "0A", 0) + strings.Repeat(tcpLine("10.77.0.10:443", "01", 0), users)
	if err := os.WriteFile(filepath.Join(w.root, "proc/net/tcp"), []byte(table), 0o644); err != nil {
		w.t.Error(err)
	}
}

func (w *balancerWorld) haproxy(command string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if command == "show stat -1 1 -1" {
		state := map[bool]string{true: "OPEN", false: "STOP"}[w.open]
		w.open = w.open || w.reloads // by the next time it is asked
		return "# pxname,svname,scur,status\npublic_http,FRONTEND,0," + state + "\npublic_https,FRONTEND,2," + state + "\nalive,FRONTEND,1,OPEN"
	}
	w.happens = append(w.happens, command)
	if command == "shutdown frontend public_https" {
		w.open = false
		if !w.stay {
			w.connect(0)
		}
	}
	return ""
}

func (w *balancerWorld) run(ctx context.Context, c resource.Command) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.Join(c.Argv, " ")
	if c.Stdin != nil {
		rules, err := io.ReadAll(c.Stdin)
		if err != nil {
			return nil, err
		}
		text += ": " + heldIn(string(rules))
	}
	w.happens = append(w.happens, text)
	switch c.Argv[0] {
	case "ss":
		w.connect(0)
		if w.onCut != nil {
			w.onCut()
		}
	}
	return nil, w.fails[c.Argv[0]]
}

// heldIn names the addresses that rules hold off.
func heldIn(rules string) string {
	_, rest, ok := strings.Cut(rules, "elements = { ")
	if !ok {
		return "nothing held"
	}
	elements, _, _ := strings.Cut(rest, " }")
	return strings.ReplaceAll(elements, " timeout 5s", "")
}

func (w *balancerWorld) yields() bool {
	_, err := os.Stat(filepath.Join(w.root, YieldFile))
	return err == nil
}

// held is what keepalived has on the interface.
func (w *balancerWorld) held() ([]netip.Addr, error) {
	own := netip.MustParseAddr("10.77.0.21")
	if w.yields() && !w.stuck {
		return []netip.Addr{own}, nil
	}
	return []netip.Addr{own, theAddresses.Public, theAddresses.Internal}, nil
}

var theAddresses = HandOver{Public: netip.MustParseAddr("10.77.0.10"), Internal: netip.MustParseAddr("10.77.0.11")}

func (w *balancerWorld) handOver(ctx context.Context) (HandedOver, error) {
	return handover{HandOver: theAddresses, sys: resource.System{Root: w.root, Run: w.run}, held: w.held}.run(ctx)
}

// What a hand-over does, in its order.
const (
	checks   = "haproxy -c -q -f /etc/haproxy/haproxy.cfg"
	holdsOne = "nft -f -: 10.77.0.10"
	reloads  = "systemd-run --quiet --collect --on-active=600ms --timer-property=AccuracySec=20ms systemctl reload haproxy.service"
	shuts1   = "shutdown frontend public_http"
	shuts2   = "shutdown frontend public_https"
	holdsTwo = "nft -f -: 10.77.0.10, 10.77.0.11"
	cuts     = "ss --kill --tcp --numeric --no-header src 10.77.0.10 or src 10.77.0.11"
	letsIn   = "nft -f -: nothing held"
	restarts = "systemctl restart haproxy.service"
)

func TestHandOver(t *testing.T) {
	broken := errors.New("line 7: unknown keyword")
	for _, c := range []struct {
		name    string
		prepare func(*balancerWorld)
		happens []string
		want    HandedOver // Paused: at least this long
		err     string
		yields  bool
	}{
		{"users end in time", func(*balancerWorld) {},
			[]string{checks, holdsOne, reloads, shuts1, shuts2, holdsTwo, cuts, letsIn}, HandedOver{}, "", true},
		{"one stays: it is cut, so that the others' next SYN finds an answer", func(w *balancerWorld) { w.stay = true },
			[]string{checks, holdsOne, reloads, shuts1, shuts2, holdsTwo, cuts, letsIn}, HandedOver{Open: 2, Paused: drainLimit}, "", true},
		{"HAProxy would not reload: nobody waits in vain", func(w *balancerWorld) { w.fails["haproxy"] = broken },
			[]string{checks, holdsOne, holdsTwo, cuts, letsIn}, HandedOver{Open: 2, Abrupt: broken.Error()}, "", true},
		{"the reload does not come about: HAProxy is started anew", func(w *balancerWorld) { w.reloads = false },
			[]string{checks, holdsOne, reloads, shuts1, shuts2, holdsTwo, cuts, restarts, letsIn}, HandedOver{}, "", true},
		{"keepalived does not move them: it goes on serving here", func(w *balancerWorld) { w.stuck = true },
			[]string{checks, holdsOne, reloads, shuts1, shuts2, holdsTwo, cuts, letsIn}, HandedOver{Paused: moveLimit}, "keepalived still holds them 3s after", false},
		{"nothing can be held off: nothing is done", func(w *balancerWorld) { w.fails["nft"] = broken },
			[]string{checks, holdsOne}, HandedOver{}, "hold new connections off: line 7", false},
		{"it does not hold them: it keeps away", func(w *balancerWorld) { os.WriteFile(filepath.Join(w.root, YieldFile), nil, 0o644) },
			nil, HandedOver{}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newBalancerWorld(t) // its HAProxy answers outside of the bubble, where time does not stand still
			c.prepare(w)
			synctest.Test(t, func(t *testing.T) {
				got, err := w.handOver(t.Context())
				if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				if got.Paused < c.want.Paused || got.Paused > c.want.Paused+100*time.Millisecond {
					t.Errorf("new connections were held off for %s, want %s", got.Paused, c.want.Paused)
				}
				got.Paused, c.want.Paused = 0, 0
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
			if diff := cmp.Diff(c.happens, w.happens); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if w.yields() != c.yields {
				t.Errorf("told to keep away: %t, want %t", w.yields(), c.yields)
			}
		})
	}
}

// An operator who goes away while users are waited for leaves the addresses where
// they are, and new connections come in again.
func TestHandOverInterrupted(t *testing.T) {
	w := newBalancerWorld(t)
	w.stay = true
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := w.handOver(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that the context has ended", err)
		}
	})
	if diff := cmp.Diff([]string{checks, holdsOne, reloads, shuts1, shuts2, letsIn}, w.happens); diff != "" || w.yields() {
		t.Errorf("told to keep away: %t (-want +got):\n%s", w.yields(), diff)
	}
}

// Whoever holds a connection must see it end while the addresses are still here: a
// RST cannot be sent from an address that has gone.
func TestHandOverCutsBeforeItMoves(t *testing.T) {
	w := newBalancerWorld(t)
	w.onCut = func() {
		if w.yields() {
			t.Error("the addresses were given away before connections were cut")
		}
	}
	if _, err := w.handOver(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStandBy(t *testing.T) {
	w := newBalancerWorld(t)
	if err := os.WriteFile(filepath.Join(w.root, YieldFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := &Server{System: resource.System{Root: w.root, Run: w.run}}
	for range 2 { // the second time, there is nothing to do
		if p := s.Answer(t.Context(), Request{StandBy: true}); p.Error != "" || w.yields() {
			t.Errorf("error %q, still told to keep away: %t", p.Error, w.yields())
		}
	}
}

func TestHandOverRefuses(t *testing.T) {
	w := newBalancerWorld(t)
	s := &Server{System: resource.System{Root: w.root, Run: w.run}}
	if p := s.Answer(t.Context(), Request{HandOver: &HandOver{}}); !strings.Contains(p.Error, "not IPv4 addresses") || w.happens != nil {
		t.Errorf("error %q; done: %q", p.Error, w.happens)
	}
}

// TestHoldRules has the real nft read them.
func TestHoldRules(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil || os.Geteuid() != 0 {
		t.Skip("nft is not installed, or this is not root: the rules are not checked")
	}
	check := exec.Command("nft", "-c", "-f", "-")
	check.Stdin = strings.NewReader(fmt.Sprintf(holdRules, "10.77.0.10 timeout 5s, 10.77.0.11 timeout 5s"))
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
