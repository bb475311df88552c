package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// What sysbench signs in as, and the schema it fills: made for the run and dropped
// after it.
const (
	sysbenchName    = "scaleup_bench"
	sysbenchThreads = 8
	sysbenchRows    = 10000
)

// Where Debian's sysbench, 1.0, looks for TLS: in its working folder, under these names.
const (
	sysbenchCA   = "cacert.pem"
	sysbenchCert = "client-cert.pem"
	sysbenchKey  = "client-key.pem"
)

// sysbench compares the database through the virtual address with the primary by
// itself.
func (b *bench) sysbench(ctx context.Context) (err error) {
	if _, err := exec.LookPath("sysbench"); err != nil {
		return errors.New("sysbench is missing: apt-get install sysbench")
	}
	if _, err := b.lab.run(ctx, "up"); err != nil {
		return err
	}
	if err := b.lab.awaitHealthy(ctx); err != nil {
		return err
	}
	d, err := openTier(ctx, b.lab, true)
	defer func() { err = errors.Join(err, d.close(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	password := rand.Text()
	defer func() {
		err = errors.Join(err, d.sql(context.WithoutCancel(ctx), dropAccount))
	}()
	if err := d.sql(ctx, dropAccount+makeAccount(password)); err != nil {
		return fmt.Errorf("make sysbench's account: %w", err)
	}
	folder := filepath.Join(b.lab.dir, "sysbench")
	defer os.RemoveAll(folder)
	sides := [2]side{{"through the internal VIP", d.virtual}, {"directly at the primary", d.direct}}
	if err := writeSysbench(folder, d, password, sides); err != nil {
		return err
	}
	if _, err := runSysbench(ctx, folder, 1, "prepare"); err != nil {
		return fmt.Errorf("fill the tables: %w", err)
	}
	return b.compareSysbench(ctx, folder, sides)
}

const dropAccount = "DROP USER IF EXISTS " + sysbenchName + "; DROP SCHEMA IF EXISTS " + sysbenchName + ";\n"

// makeAccount requires TLS: a client that would do without is refused, so that both
// sides are measured with it.
func makeAccount(password string) string {
	schema := strings.ReplaceAll(sysbenchName, "_", `\_`) // _ stands for any character in a grant
	return "CREATE SCHEMA " + sysbenchName + "; CREATE USER " + sysbenchName + " IDENTIFIED BY '" + password + "' REQUIRE SSL; " +
		"GRANT ALL ON `" + schema + "`.* TO " + sysbenchName + ";\n"
}

// writeSysbench writes what sysbench reads: certificates, and how to connect to each
// side, with the password. Only root may read the folder.
func writeSysbench(folder string, d *tier, password string, sides [2]side) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make sysbench's folder: %w", err)
	}
	// sysbench wants a certificate of its own. MySQL needs none, but refuses one that
	// is not of the site's authority: the primary's own is.
	pair := d.secrets.Servers[d.primary]
	files := map[string][]byte{sysbenchCA: d.secrets.CA, sysbenchCert: pair.Cert, sysbenchKey: pair.Key}
	for at, s := range sides {
		config, err := sysbenchConfig(s.address, password)
		if err != nil {
			return err
		}
		files[sideFile(at)] = []byte(config)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return fmt.Errorf("write %s for sysbench: %w", name, err)
		}
	}
	return nil
}

func sideFile(at int) string { return fmt.Sprintf("side-%d.conf", at) }

// sysbenchConfig is how sysbench connects, as its --config-file has it.
func sysbenchConfig(address, password string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, option := range [][2]string{
		{"db-driver", "mysql"}, {"mysql-host", host}, {"mysql-port", port}, {"mysql-user", sysbenchName}, {"mysql-password", password},
		{"mysql-db", sysbenchName}, {"mysql-ssl", "on"},
	} {
		fmt.Fprintf(&b, "%s=%s\n", option[0], option[1])
	}
	return b.String(), nil
}

// runSysbench runs a command of oltp_read_write against a side. It has to work in its
// folder, see sysbenchCA.
func runSysbench(ctx context.Context, folder string, at int, command string, flags ...string) (string, error) {
	argv := []string{"env", "--chdir=" + folder, "sysbench", "oltp_read_write", "--config-file=" + sideFile(at),
		"--tables=4", fmt.Sprintf("--table_size=%d", sysbenchRows)}
	o, err := call(ctx, 0, nil, append(append(argv, flags...), command)...)
	return o.stdout, err
}

// compareSysbench measures both sides with sysbench.
func (b *bench) compareSysbench(ctx context.Context, folder string, sides [2]side) error {
	rates, latencies, err := b.takeTurns(sides, "", "transactions", func(at, seconds int) (load, error) {
		out, err := runSysbench(ctx, folder, at, "run", fmt.Sprintf("--threads=%d", sysbenchThreads), fmt.Sprintf("--time=%d", seconds), "--percentile=99")
		if err != nil {
			return load{}, err
		}
		l, err := parseSysbench(out)
		if err != nil {
			return l, fmt.Errorf("read what sysbench says: %w", err)
		}
		return l, nil
	})
	if err != nil {
		return err
	}
	g := b.report.group("MySQL: sysbench oltp_read_write")
	g.note("`sysbench` on the computer that also runs the nine servers: %d threads, 4 tables of %d rows, %d s each, TLS on both sides. "+
		"A transaction has 14 reads and 4 writes. Sides take turns; both lead to the same primary.", sysbenchThreads, sysbenchRows, b.config.seconds)
	for at, s := range sides {
		g.add(figure{what: s.name, unit: transactions, samples: rates[at]})
		g.add(figure{what: s.name + ", p99", unit: milliseconds, samples: latencies[at]})
	}
	g.add(figure{what: "VIP ÷ primary, pair by pair", unit: ratio, samples: ratios(rates[0], rates[1]), target: atLeast(0.9)})
	return nil
}

var (
	sysbenchRate       = regexp.MustCompile(`(?m)^\s+transactions:\s+([0-9]+)\s+\(([0-9.]+) per sec\.\)$`)
	sysbenchP99        = regexp.MustCompile(`(?m)^\s+99th percentile:\s+([0-9.]+)$`)
	sysbenchReconnects = regexp.MustCompile(`(?m)^\s+reconnects:\s+([0-9]+)\s`)
)

// parseSysbench reads the report of a run. Latencies are milliseconds. Transactions that
// met a deadlock ("ignored errors") are not among the counted ones.
func parseSysbench(output string) (load, error) {
	rate, p99, reconnects := sysbenchRate.FindStringSubmatch(output), sysbenchP99.FindStringSubmatch(output), sysbenchReconnects.FindStringSubmatch(output)
	switch {
	case rate == nil || p99 == nil || reconnects == nil:
		return load{}, fmt.Errorf("no transactions, percentile or reconnects in: %.200s", output)
	case number(rate[1]) == 0:
		return load{}, errors.New("no transaction came to its end")
	case number(reconnects[1]) > 0:
		return load{}, fmt.Errorf("%s sessions broke on the way", reconnects[1])
	}
	return load{rate: number(rate[2]), total: int(number(rate[1])), p99: time.Duration(number(p99[1]) * float64(time.Millisecond))}, nil
}
