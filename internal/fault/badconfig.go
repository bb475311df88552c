package fault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"scaleup/internal/atomicfile"
	"scaleup/internal/resource"
)

// BadConfig breaks a configuration file and reloads the service, as a slip of the
// hand does. The program is expected to refuse, and to go on with what it has.
type BadConfig struct {
	Path string `json:"path"`
	Unit string `json:"unit"`
}

// badLine is what no program takes for a setting.
const badLine = "scaleup-drill-this-line-is-refused"

// State of a BadConfig.
const (
	originalName = "original" // fingerprint of the file from before
	reloadName   = "reload"   // what came of the reload
)

// original is a file as it was.
type original struct {
	Content []byte      `json:"content"`
	Mode    fs.FileMode `json:"mode"`
	UID     int         `json:"uid"`
	GID     int         `json:"gid"`
}

// fingerprint tells whether a file is the original without being it.
func (o original) fingerprint() string {
	sum := sha256.Sum256(o.Content)
	return fmt.Sprintf("%s %04o %d:%d", hex.EncodeToString(sum[:]), o.Mode.Perm(), o.UID, o.GID)
}

// reloaded is what came of a reload.
type reloaded struct {
	Refused bool    `json:"refused"`
	Said    string  `json:"said"` // by systemctl
	Main    process `json:"main"` // the service's main process from before
}

func (b *BadConfig) String() string {
	return fmt.Sprintf("a bad line in %s and a reload of %s", b.Path, b.Unit)
}

// Inject implements Fault. The file as it was lies on the disk before it is touched.
func (b *BadConfig) Inject(ctx context.Context, at Place) error {
	if err := checkPath(b.Path); err != nil {
		return err
	}
	u, err := at.runningUnit(ctx, b.Unit)
	if err != nil {
		return err
	}
	main, ok := at.process(u.MainPID)
	if !ok {
		return fmt.Errorf("%s: its main process %d has just ended", b.Unit, u.MainPID)
	}
	was, err := b.save(at)
	if err != nil {
		return err
	}
	bad := was
	bad.Content = withLine(was.Content, badLine)
	if err := replace(at.path(b.Path), bad); err != nil {
		return fmt.Errorf("break %s: %w", b.Path, err)
	}
	r := reloaded{Main: main}
	_, err = at.command(ctx, "systemctl", "reload", b.Unit)
	if exit, refused := errors.AsType[*resource.ExitError](err); refused {
		r.Refused, r.Said = true, strings.TrimSpace(exit.Output)
	} else if err != nil {
		return fmt.Errorf("reload %s: %w", b.Unit, err)
	}
	return at.remember(reloadName, r)
}

// withLine appends a line of its own to a file's content.
func withLine(content []byte, line string) []byte {
	if len(content) > 0 && !bytes.HasSuffix(content, []byte("\n")) {
		line = "\n" + line
	}
	return append(bytes.Clone(content), line+"\n"...)
}

// save journals the file, unless that has been done before: then the file may be
// the broken one.
func (b *BadConfig) save(at Place) (original, error) {
	var was original
	saved, err := at.journalled(&was)
	if err != nil || saved {
		return was, err
	}
	if was, err = readOriginal(at.path(b.Path)); err != nil {
		return was, fmt.Errorf("save %s: %w", b.Path, err)
	}
	if err := at.journal(b, was); err != nil {
		return was, err
	}
	return was, at.remember(originalName, was.fingerprint())
}

// readOriginal reads a file whole. A link is refused: renaming over it would leave a
// file in its place.
func readOriginal(path string) (original, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return original{}, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return original{}, errors.New("it is not a regular file")
	}
	content, err := os.ReadFile(path)
	return original{Content: content, Mode: info.Mode().Perm(), UID: int(owner.Uid), GID: int(owner.Gid)}, err
}

// replace puts a file in the place of another in one step, and makes it last.
func replace(path string, with original) error {
	fresh := filepath.Join(filepath.Dir(path), ".scaleup-drill-"+filepath.Base(path))
	if err := writeFile(fresh, with.Content, with.Mode); err != nil {
		return err
	}
	// The mode after the owner, whose change may clear bits; and against the umask.
	if err := errors.Join(os.Chown(fresh, with.UID, with.GID), os.Chmod(fresh, with.Mode)); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// Bites implements Fault: the file is another, the reload was refused, and the
// service runs on as the same process.
func (b *BadConfig) Bites(ctx context.Context, at Place) (string, bool, error) {
	var was string
	var r reloaded
	saved, err := at.recall(originalName, &was)
	done, rerr := at.recall(reloadName, &r)
	if err := errors.Join(err, rerr); err != nil || !saved || !done {
		return b.Path + ": not broken", false, err
	}
	now, err := readOriginal(at.path(b.Path))
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", b.Path, err)
	}
	u, err := at.unit(ctx, b.Unit)
	if err != nil {
		return "", false, err
	}
	switch {
	case now.fingerprint() == was:
		return b.Path + " is as it was", false, nil
	case !r.Refused:
		return b.Unit + " has accepted the bad line", false, nil
	case u.MainPID != r.Main.PID || !at.alive(r.Main):
		return fmt.Sprintf("%s refused the reload, but its process %d is gone", b.Unit, r.Main.PID), false, nil
	default:
		return fmt.Sprintf("%s refused the reload and runs on as process %d: %s", b.Unit, r.Main.PID, firstLine(r.Said)), true, nil
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// Heal implements Fault. The service needs nothing: it has never read the bad file,
// or has refused it.
func (b *BadConfig) Heal(_ context.Context, at Place) error {
	var was original
	saved, err := at.journalled(&was)
	if err != nil || !saved {
		return err
	}
	if err := replace(at.path(b.Path), was); err != nil {
		return fmt.Errorf("put %s back: %w", b.Path, err)
	}
	// A reboot has taken it, if there was one.
	if err := at.remember(originalName, was.fingerprint()); err != nil {
		return err
	}
	return at.unjournal()
}

// Healed implements Fault.
func (b *BadConfig) Healed(ctx context.Context, at Place) (string, bool, error) {
	var was string
	saved, err := at.recall(originalName, &was)
	if err != nil {
		return "", false, err
	}
	now, err := readOriginal(at.path(b.Path))
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", b.Path, err)
	}
	if saved && now.fingerprint() != was {
		return b.Path + " is not as it was", false, nil
	}
	u, err := at.unit(ctx, b.Unit)
	if err != nil {
		return "", false, err
	}
	return fmt.Sprintf("%s is as it was, %s is %s", b.Path, b.Unit, u.Active), u.Active == "active", nil
}
