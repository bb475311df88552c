package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scaleup/internal/drill"
)

// changeScript stands for scaleup: a shell script that gets the words of a change.
func changeScript(t *testing.T, body string) changeProcess {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scaleup")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	return changeProcess{[]string{file, "drill-change"}}
}

func TestChangeProcess(t *testing.T) {
	p := changeScript(t, `case "$*" in
"drill-change settings") echo '{"steps":7}' ;;
"drill-change broken-release") echo '{"steps":1,"error":"app1: exit code 1"}' ;;
"drill-change reboot web1 db1") echo 'no such server' >&2; exit 64 ;;
*) exit 9 ;;
esac`)
	ctx := context.Background()
	if steps, err := p.Settings(ctx, true); steps != 7 || err != nil {
		t.Errorf("settings: %d steps, %v", steps, err)
	}
	if err := p.Release(ctx, drill.BrokenRelease); err == nil || err.Error() != "app1: exit code 1" {
		t.Errorf("a refused release: %v", err)
	}
	if err := p.Reboot(ctx, "web1", "db1"); err == nil || !strings.Contains(err.Error(), "exit status 64: no such server") {
		t.Errorf("a process that fails: %v", err)
	}
}

// A drill that is interrupted has its change tidy up before it goes on.
func TestChangeProcessIsInterrupted(t *testing.T) {
	p := changeScript(t, `trap 'echo > "$0.tidied"; exit 0' INT
echo > "$0.started"
while :; do sleep 0.01; done`)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(p.argv[0] + ".started"); err == nil {
				cancel()
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	_, err := p.Settings(ctx, false)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(p.argv[0] + ".tidied"); err != nil {
		t.Error(err)
	}
}
