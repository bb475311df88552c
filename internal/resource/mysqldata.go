package resource

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MySQLMark is the file in a MySQL data directory which says that scaleup
// initialised it or was told to use it. Whatever puts other data in the directory's
// place (a restore, say) puts the mark there, too. mysqld takes no notice of names
// with a leading dot.
const MySQLMark = ".scaleup-data"

// unmarked is data from before there were marks, on a server whose guard has been
// at work with it.
const unmarked State = "initialised, without scaleup's mark"

const (
	// marksKept says that this server's data carries the mark, so that data without
	// one is somebody else's.
	marksKept = "/var/lib/scaleup/mysql-data-is-marked"
	// guardRecord is written by the guard once its member was in the group.
	guardRecord = "/var/lib/scaleup-guard/record.json"
)

// ownership tells whose an initialised data directory is, and refuses what is not
// scaleup's.
func (m *MySQLData) ownership(sys System) (State, error) {
	marked, err := there(sys, filepath.Join(m.Path, MySQLMark))
	if err != nil || marked {
		return m.Want(), err
	}
	kept, err := there(sys, marksKept)
	if err != nil {
		return "", err
	}
	guarded, err := there(sys, guardRecord)
	if err != nil {
		return "", err
	}
	if guarded && !kept {
		return unmarked, nil
	}
	return "", fmt.Errorf("%s holds MySQL data (mysql.ibd) that scaleup did not initialise, and it never touches such data: move it away; "+
		"or, if it is this site's own, say so on the server with: touch %s",
		m.Path, filepath.Join(m.Path, MySQLMark))
}

func there(sys System, path string) (bool, error) {
	_, err := os.Lstat(sys.path(path))
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	return true, nil
}

// mark says that the data is scaleup's.
func (m *MySQLData) mark(ctx context.Context, sys System) error {
	for _, f := range []*File{
		{Path: filepath.Join(m.Path, MySQLMark), Mode: 0o600, Content: []byte("This MySQL data directory is scaleup's own.\n")},
		{Path: marksKept, Mode: 0o600, Content: []byte("MySQL's data on this server carries " + MySQLMark + ".\n")},
	} {
		if err := f.Apply(ctx, sys); err != nil {
			return err
		}
	}
	return nil
}

// upgradeHistory is where MySQL (8.4 and newer) notes each version that has used
// the directory, the newest last.
const upgradeHistory = "mysql_upgrade_history"

// refuseNewer refuses a MySQL that is older than the one that used the directory
// last: it would not open it, or damage it. What cannot be told is left to mysqld,
// which refuses by itself, after it was started.
func (m *MySQLData) refuseNewer(sys System) error {
	path := filepath.Join(m.Path, upgradeHistory)
	content, err := os.ReadFile(sys.path(path))
	if absent(err) || m.Version == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	used, err := lastVersion(content)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if !olderVersion(m.Version, used) {
		return nil
	}
	return fmt.Errorf("%s was last used by MySQL %s (%s), and MySQL %s is installed or would be: an older MySQL cannot open it; "+
		"install MySQL %s or newer, see database.packages in the site file, or restore a backup into an empty server",
		m.Path, used, upgradeHistory, m.Version, used)
}

// lastVersion is the newest version in the text of an upgrade history, "" when it
// has none.
func lastVersion(content []byte) (string, error) {
	var history struct {
		Entries []struct {
			Version string `json:"version"`
		} `json:"upgrade_history"`
	}
	if err := json.Unmarshal(content, &history); err != nil {
		return "", err
	}
	newest := ""
	for _, e := range history.Entries {
		if newest == "" || olderVersion(newest, e.Version) {
			newest = e.Version
		}
	}
	return newest, nil
}

// olderVersion compares dotted versions by their numbers: 9.7.4 is older than
// 9.10.0. What follows the digits of a part, such as a build's name, counts for
// nothing.
func olderVersion(a, b string) bool {
	number := func(parts []string, i int) int {
		if i >= len(parts) {
			return 0
		}
		digits := strings.IndexFunc(parts[i], func(r rune) bool { return r < '0' || r > '9' })
		if digits < 0 {
			digits = len(parts[i])
		}
		n, err := strconv.Atoi(parts[i][:digits])
		if err != nil {
			return 0 // a part without digits counts as 0
		}
		return n
	}
	partsA, partsB := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(partsA), len(partsB)) {
		if x, y := number(partsA, i), number(partsB, i); x != y {
			return x < y
		}
	}
	return false
}
