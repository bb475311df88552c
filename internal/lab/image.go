package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	mysqlData = "/var/lib/mysql"
	// imageSize is what a database server sees as its disk. The file is sparse:
	// a new one takes some 110 MB.
	imageSize = 8 << 30
	// mysqlID is the number of MySQL's user and group. It is fixed because the
	// image and the layer must agree; Debian's own system users start at 999
	// and go down.
	mysqlID = "400"
)

// initialiseMySQL makes the file system image with a new MySQL data directory,
// once for all database servers. A real file system of its own is what direct
// I/O, a full disk and a hanging disk need.
//
// The image belongs to no server yet: auto.cnf, with the server's UUID, is
// removed, and MySQL makes another at the first start.
func (b *builder) initialiseMySQL(ctx context.Context, built, root string, overlay []string) error {
	b.lab.log("", "initialising MySQL")
	image := filepath.Join(built, layerImage)
	if err := createImage(ctx, image); err != nil {
		return err
	}
	mounts := append(append([]string{}, overlay...), "loop", image, mysqlData)
	_, err := inside(ctx, root, mounts, "sh", "-c", mysqlScript, "sh", mysqlID, mysqlData)
	if err != nil {
		return fmt.Errorf("initialise MySQL: %w", err)
	}
	return nil
}

// mysqlScript runs inside the layer. The log is small because every server gets
// a copy of it; the server's own settings resize it at the first start. Nothing
// is flushed: a build that is cut off is built again.
const mysqlScript = `
set -e
id=$1; data=$2
getent group mysql >/dev/null || groupadd --system --gid "$id" mysql
getent passwd mysql >/dev/null || useradd --system --uid "$id" --gid mysql --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin mysql
rmdir "$data/lost+found"
chown mysql:mysql "$data"
chmod 750 "$data"
mysqld --no-defaults --initialize-insecure --user=mysql --datadir="$data" \
	--innodb-redo-log-capacity=8M --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=OFF --skip-log-bin
rm -f "$data/auto.cnf"
# The mark of data that scaleup may touch, as package resource has it.
install --owner=mysql --group=mysql --mode=600 /dev/null "$data/.scaleup-data"
`

// createImage makes an empty ext4 file system. Few inodes keep the parts that
// are written at once small: a database has few, large files.
func createImage(ctx context.Context, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make database image: %w", err)
	}
	err = f.Truncate(imageSize)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("make database image: %w", err)
	}
	if _, err := run(ctx, "mkfs.ext4", "-q", "-F", "-N", "16384", "-m", "0", "-J", "size=64",
		"-E", "lazy_itable_init=0,lazy_journal_init=1,nodiscard", path); err != nil {
		return fmt.Errorf("make file system in database image: %w", err)
	}
	return nil
}

// copyImage copies an image, without its holes, and without its blocks where the
// file system can share them.
func copyImage(ctx context.Context, from, to string) error {
	part := to + ".part"
	if _, err := run(ctx, "cp", "--reflink=auto", "--sparse=always", from, part); err != nil {
		return fmt.Errorf("copy database image: %w", err)
	}
	if err := os.Rename(part, to); err != nil {
		return fmt.Errorf("copy database image: %w", err)
	}
	return nil
}

// loopsOf lists the loop devices of files below a folder. The kernel frees them
// when a machine's mounts are gone; one that is still there means a machine that
// is still dying, or someone looking into an image.
func loopsOf(dir string) []string {
	files, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	var devices []string
	for _, file := range files {
		backing, err := os.ReadFile(file)
		if err == nil && strings.HasPrefix(strings.TrimSpace(string(backing)), dir+"/") {
			devices = append(devices, "/dev/"+strings.Split(file, "/")[3])
		}
	}
	return devices
}
