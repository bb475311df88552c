//go:build lab

package test

import (
	"context"
	"image"
	_ "image/png"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testBrowser opens the front page in Chromium, over HTTPS, through the VIP, with
// the site's CA as the only one that vouches for it.
func testBrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not installed: apt-get install chromium")
	}
	r := ha.status(t)
	address, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	dom := browse(t, chromium, r, address, "--dump-dom")
	for _, want := range []string{"Foobar", "<img", "stylesheet"} {
		if !strings.Contains(dom, want) {
			t.Errorf("the front page has no %q:\n%.500s", want, dom)
		}
	}
	picture := filepath.Join(repository(t), "bin", "front-page.png")
	browse(t, chromium, r, address, "--screenshot="+picture)
	colours := coloursOf(t, picture)
	t.Logf("screenshot in %s, %d colours", picture, colours)
	// A page without its style sheet and pictures has a handful of colours.
	if colours < 200 {
		t.Errorf("the front page shows %d colours; its style or its pictures are missing", colours)
	}
}

func browse(t *testing.T, chromium string, r report, address *url.URL, what string) string {
	t.Helper()
	home := t.TempDir()
	trust(t, home, r.CA)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--user-data-dir="+filepath.Join(home, "profile"), "--window-size=1280,1600", "--virtual-time-budget=3000",
		"--host-resolver-rules=MAP "+net.JoinHostPort(address.Hostname(), "443")+" "+net.JoinHostPort(r.Address, "443"),
		what, r.URL)
	cmd.Env = append(os.Environ(), "HOME="+home)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium %s: %v", what, err)
	}
	if strings.Contains(string(out), "ERR_CERT") {
		t.Fatalf("chromium does not accept the certificate:\n%.500s", out)
	}
	return string(out)
}

// trust puts the site's CA into the certificate store Chromium reads.
func trust(t *testing.T, home, ca string) {
	t.Helper()
	store := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(store, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-d", "sql:" + store, "-N", "--empty-password"},
		{"-d", "sql:" + store, "-A", "-t", "C,,", "-n", "scaleup", "-i", ca},
	} {
		if out, err := exec.Command("certutil", args...).CombinedOutput(); err != nil {
			t.Fatalf("certutil (package libnss3-tools): %v: %s", err, out)
		}
	}
}

func coloursOf(t *testing.T, path string) int {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, _, err := image.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	type rgb struct{ r, g, b uint32 }
	seen := map[rgb]bool{}
	bounds := picture.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y += 2 {
		for x := bounds.Min.X; x < bounds.Max.X; x += 2 {
			r, g, b, _ := picture.At(x, y).RGBA()
			seen[rgb{r, g, b}] = true
		}
	}
	return len(seen)
}
