package lab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// siteRecipes are layers like those of a site.
var siteRecipes = []Recipe{
	{Role: "loadbalancer", Packages: []PackageSet{{Names: []string{"haproxy", "keepalived"}}}},
	{Role: "web", Packages: []PackageSet{{Names: []string{"nginx-light", "libnginx-mod-http-brotli-static"}}}},
	{Role: "app"},
	{Role: "database", Database: true, Packages: []PackageSet{{Names: []string{"mysql-server-core", "mysql-client-core"}, Release: "sid"}}},
}

// TestSiteLab boots the nine machines of a site, with their packages.
func TestSiteLab(t *testing.T) {
	if os.Getenv("SCALEUP_LAB_SITE_TEST") != "1" {
		t.Skip("needs root, SCALEUP_LAB_TEST=1 and SCALEUP_LAB_SITE_TEST=1: it builds all layers and boots nine machines")
	}
	l, signer := testLab(t, "labtest-nine", "10.99.1.0/24")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	var machines []Machine
	for i, role := range []string{"loadbalancer", "loadbalancer", "web", "web", "app", "app", "database", "database", "database"} {
		machines = append(machines, Machine{
			Name: fmt.Sprintf("m%d", i), Role: role, Address: netip.AddrFrom4([4]byte{10, 99, 1, byte(20 + i)}),
		})
	}
	begun := time.Now()
	_, err := l.Ensure(ctx, machines, siteRecipes)
	check(t, err)
	t.Logf("first Ensure: %s", time.Since(begun))

	for _, c := range []struct {
		server int
		line   string
		want   string
	}{
		{0, "haproxy -v | head -c 7; keepalived --version 2>&1 | head -c 10", "HAProxyKeepalived"},
		{0, "chrt -r 10 echo realtime", "realtime"},
		{2, "nginx -v 2>&1 | head -c 13", "nginx version"},
		{6, "mysqld --version | grep -o 'Ver 9'", "Ver 9"},
		{6, "findmnt -no FSTYPE /var/lib/mysql; stat -c '%U %a' /var/lib/mysql; ls /var/lib/mysql/auto.cnf 2>/dev/null", "ext4\nmysql 750"},
	} {
		m := machines[c.server]
		got, err := command(t, l, signer, "root", m.Name, m.Address.String(), c.line)
		if got != c.want && !(strings.HasPrefix(got, c.want)) {
			t.Errorf("%s: %q: got %q, %v, want %q", m.Role, c.line, got, err, c.want)
		}
	}
	for _, m := range machines {
		got, _ := command(t, l, signer, "root", m.Name, m.Address.String(), "systemctl is-system-running --wait; systemctl list-units --failed --plain --no-legend; ulimit -Hn")
		t.Logf("%s (%s): %s", m.Name, m.Role, got)
	}

	begun = time.Now()
	check(t, l.Down(ctx, false))
	t.Logf("down: %s", time.Since(begun))
	checkNothingLeft(t, l)
	begun = time.Now()
	_, err = l.Ensure(ctx, machines, siteRecipes)
	check(t, err)
	t.Logf("second Ensure: %s", time.Since(begun))
	check(t, l.Down(ctx, true))
	checkNothingLeft(t, l)
}
