package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"
)

const victimEnv = "SCALEUP_LAB_TEST_VICTIM"

var victims = []Machine{
	{Name: "one", Address: netip.MustParseAddr("10.99.2.21")},
	{Name: "two", Address: netip.MustParseAddr("10.99.2.22")},
}

// TestVictim is the process that TestKilled kills.
func TestVictim(t *testing.T) {
	verb := os.Getenv(victimEnv)
	if verb == "" {
		t.Skip("runs as a child of TestKilled only")
	}
	l, err := Open(Config{Dir: os.Getenv("SCALEUP_LAB_DIR"), Name: "labtest-killed", Subnet: netip.MustParsePrefix("10.99.2.0/24")})
	check(t, err)
	switch verb {
	case "up":
		_, err = l.Ensure(context.Background(), victims, nil)
	case "down":
		err = l.Down(context.Background(), false)
	}
	check(t, err)
}

// TestKilled kills up and down with SIGKILL at many moments; the next run has to
// finish the job each time.
func TestKilled(t *testing.T) {
	l, _ := testLab(t, "labtest-killed", "10.99.2.0/24")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	// The layers are there before the first kill, so that the moments mean machines.
	_, err := l.Ensure(ctx, victims, nil)
	check(t, err)
	check(t, l.Down(ctx, true))

	kill := func(verb string, after time.Duration) {
		t.Helper()
		cmd := exec.Command(os.Args[0], "-test.run=^TestVictim$")
		cmd.Env = append(os.Environ(), victimEnv+"="+verb, "SCALEUP_LAB_DIR="+l.dir)
		check(t, cmd.Start())
		time.Sleep(after) // the moment is the point
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for after := 20 * time.Millisecond; after < 900*time.Millisecond; after += 80 * time.Millisecond {
		t.Run(fmt.Sprintf("up/%s", after), func(t *testing.T) {
			kill("up", after)
			_, err := l.Ensure(ctx, victims, nil)
			check(t, err)
			check(t, l.Down(ctx, true))
			checkNothingLeft(t, l)
		})
	}
	for after := 20 * time.Millisecond; after < 400*time.Millisecond; after += 60 * time.Millisecond {
		t.Run(fmt.Sprintf("down/%s", after), func(t *testing.T) {
			_, err := l.Ensure(ctx, victims, nil)
			check(t, err)
			kill("down", after)
			_, err = l.Ensure(ctx, victims, nil)
			check(t, err)
			check(t, l.Await(ctx, "one", "two"))
			kill("down", after)
			check(t, l.Down(ctx, false))
			checkNothingLeft(t, l)
		})
	}
}

// TestInterrupted ends up with its context, as Ctrl-C does.
func TestInterrupted(t *testing.T) {
	l, _ := testLab(t, "labtest-killed", "10.99.2.0/24")
	for _, after := range []time.Duration{10, 100, 300, 600} {
		ctx, cancel := context.WithTimeout(t.Context(), after*time.Millisecond)
		_, err := l.Ensure(ctx, victims, nil)
		cancel()
		if err == nil {
			t.Logf("up was done within %s", after*time.Millisecond)
		}
	}
	_, err := l.Ensure(t.Context(), victims, nil)
	check(t, err)
	check(t, l.Down(t.Context(), true))
	checkNothingLeft(t, l)
}
