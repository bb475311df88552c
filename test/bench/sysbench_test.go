package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
)

const sysbenchGood = `SQL statistics:
    queries performed:
        read:                            48440
        write:                           13840
        other:                           6920
        total:                           69200
    transactions:                        3460   (345.76 per sec.)
    queries:                             69200  (6915.27 per sec.)
    ignored errors:                      2      (0.20 per sec.)
    reconnects:                          0      (0.00 per sec.)

General statistics:
    total time:                          10.0055s
    total number of events:              3460

Latency (ms):
         min:                                   12.30
         avg:                                   23.12
         max:                                   98.01
         99th percentile:                       45.79
         sum:                                79999.99
`

func TestParseSysbench(t *testing.T) {
	got, err := parseSysbench(sysbenchGood)
	if err != nil {
		t.Fatal(err)
	}
	want := load{rate: 345.76, total: 3460, p99: 45790 * time.Microsecond}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(load{})); diff != "" {
		t.Error(diff)
	}
	for name, output := range map[string]string{
		"nothing":        "FATAL: unable to connect to MySQL server\n",
		"other quantile": strings.Replace(sysbenchGood, "99th", "95th", 1),
		"no transaction": strings.Replace(sysbenchGood, "3460   (345.76", "0      (0.00", 1),
		"broken session": strings.Replace(sysbenchGood, "reconnects:                          0 ", "reconnects:                          3 ", 1),
	} {
		if got, err := parseSysbench(output); err == nil {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
}

// The password is in a file that only its owner can read, and nowhere else.
func TestSysbenchFiles(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sysbench")
	d := &tier{primary: "db2", secrets: component.Secrets{CA: []byte("ca"), Servers: map[string]component.KeyPair{"db2": {Cert: []byte("cert"), Key: []byte("key")}}}}
	if err := writeSysbench(folder, d, "correct-horse", [2]side{{"a", "10.76.0.3:3306"}, {"b", "10.76.0.52:3306"}}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		sysbenchCA: "ca", sysbenchCert: "cert", sysbenchKey: "key", sideFile(0): "mysql-host=10.76.0.3\n", sideFile(1): "mysql-host=10.76.0.52\n",
	} {
		path := filepath.Join(folder, name)
		content, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err := errors.Join(err, statErr); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), want) || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o and holds %q, want 0600 and %q", name, info.Mode().Perm(), content, want)
		}
	}
}

// TestSysbenchUnderstands has the real program read its files: it goes to the port that
// the file names.
func TestSysbenchUnderstands(t *testing.T) {
	if _, err := exec.LookPath("sysbench"); err != nil {
		t.Skip("sysbench is not installed (package sysbench)")
	}
	folder := t.TempDir()
	config, err := sysbenchConfig("127.0.0.1:9", "correct-horse") // nobody listens at discard
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, sideFile(0)), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sysbench", "oltp_read_write", "--config-file="+sideFile(0), "--tables=4", "--table_size=10", "--threads=2", "--time=1", "--percentile=99", "run")
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "host '127.0.0.1', port 9") {
		t.Errorf("sysbench ended with %v, want it to find nobody at port 9:\n%s", err, out)
	}
}

// What is granted is granted on one schema, whose name holds a wildcard.
func TestMakeAccount(t *testing.T) {
	got := makeAccount("correct-horse")
	for _, want := range []string{"REQUIRE SSL", "ON `scaleup\\_bench`.* TO scaleup_bench;", "IDENTIFIED BY 'correct-horse'"} {
		if !strings.Contains(got, want) {
			t.Errorf("the account lacks %q: %s", want, got)
		}
	}
}
