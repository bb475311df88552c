package resource

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// What the dead man's switch of the firewall leaves on the server.
const (
	firewallTable      = "scaleup"
	firewallRecord     = "/var/lib/scaleup/firewall" // digest of the file, digest of the table it made
	firewallOldTable   = "/run/scaleup/firewall.table"
	firewallOldFile    = "/run/scaleup/firewall.conf"
	firewallRevertUnit = "scaleup-firewall-revert"
	firewallRevertTime = "30s"
)

// firewallRevert puts back what was there before, table and file.
const firewallRevert = `nft -f ` + firewallOldTable + `; if [ -e ` + firewallOldFile + ` ]; then cp ` + firewallOldFile + ` "$1"; else rm -f "$1"; fi; rm -f ` + firewallRecord

// ID implements Spec.
func (f *Firewall) ID() string { return "firewall:" + f.Path }

// Want implements Spec.
func (f *Firewall) Want() State { return State("sha256:" + Digest(f.Content) + " loaded") }

// Observe implements Spec. The rules count as loaded when the kernel's table is
// the one that loading this file has made.
func (f *Firewall) Observe(ctx context.Context, sys System) (State, error) {
	content, err := os.ReadFile(sys.path(f.Path))
	if absent(err) {
		return Absent, nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", f.Path, err)
	}
	digest := Digest(content)
	record, err := os.ReadFile(sys.path(firewallRecord))
	if err != nil && !absent(err) {
		return "", fmt.Errorf("read what the firewall has loaded: %w", err)
	}
	table, err := listTable(ctx, sys)
	if err != nil {
		return "", err
	}
	if string(record) != digest+" "+Digest([]byte(table)) {
		return State("sha256:" + digest + " not loaded"), nil
	}
	return State("sha256:" + digest + " loaded"), nil
}

// listTable prints the loaded table without its counters, "" when there is none.
func listTable(ctx context.Context, sys System) (string, error) {
	out, err := sys.command(ctx, "nft", "--stateless", "list", "table", "inet", firewallTable)
	if isExit(err) {
		return "", nil
	}
	return out, err
}

// Apply implements Spec: the switch is armed before the new rules are loaded, so
// that a server which can no longer be reached opens itself again.
func (f *Firewall) Apply(ctx context.Context, sys System) error {
	if err := f.remember(ctx, sys); err != nil {
		return err
	}
	if err := disarm(ctx, sys); err != nil {
		return err
	}
	if _, err := sys.command(ctx, "systemd-run", "--quiet", "--unit="+firewallRevertUnit, "--on-active="+firewallRevertTime,
		"--timer-property=AccuracySec=100ms", "/bin/sh", "-c", firewallRevert, "revert", f.Path); err != nil {
		return fmt.Errorf("arm the firewall's way back: %w", err)
	}
	file := File{Path: f.Path, Content: f.Content, Mode: 0o644, Validate: []string{"nft", "-c", "-f", "{}"}}
	if err := file.Apply(ctx, sys); err != nil {
		return errors.Join(err, disarm(ctx, sys)) // nothing was changed
	}
	if _, err := sys.command(ctx, "nft", "-f", sys.path(f.Path)); err != nil {
		return fmt.Errorf("load %s: %w", f.Path, err)
	}
	table, err := listTable(ctx, sys)
	if err != nil {
		return err
	}
	record := File{Path: firewallRecord, Content: []byte(Digest(f.Content) + " " + Digest([]byte(table))), Mode: 0o644}
	return record.Apply(ctx, sys)
}

// remember keeps the present file and table for the way back.
func (f *Firewall) remember(ctx context.Context, sys System) error {
	table, err := listTable(ctx, sys)
	if err != nil {
		return err
	}
	back := fmt.Sprintf("table inet %s {}\ndelete table inet %s\n%s", firewallTable, firewallTable, table)
	if err := (&File{Path: firewallOldTable, Content: []byte(back), Mode: 0o600}).Apply(ctx, sys); err != nil {
		return err
	}
	content, err := os.ReadFile(sys.path(f.Path))
	if absent(err) {
		return (&AbsentPath{Path: firewallOldFile}).Apply(ctx, sys)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Path, err)
	}
	return (&File{Path: firewallOldFile, Content: content, Mode: 0o600}).Apply(ctx, sys)
}

// ConfirmFirewall disarms the way back: the rules just applied stay. It is
// called over a connection opened after they were loaded.
func ConfirmFirewall(ctx context.Context, sys System) error { return disarm(ctx, sys) }

func disarm(ctx context.Context, sys System) error {
	// systemd keeps the units of systemd-run here; without one, nothing is armed.
	if _, err := os.Stat(sys.path("/run/systemd/transient/" + firewallRevertUnit + ".timer")); absent(err) {
		return nil
	}
	_, err := sys.command(ctx, "systemctl", "stop", firewallRevertUnit+".timer")
	if err != nil && (!isExit(err) || !strings.Contains(err.Error(), "not loaded")) {
		return fmt.Errorf("disarm the firewall's way back: %w", err)
	}
	return nil
}
