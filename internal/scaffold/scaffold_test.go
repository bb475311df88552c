package scaffold

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"scaleup/internal/spec"
)

// own is a size with addresses for all of its servers.
func own(size Size) Choices {
	c := Choices{Size: size, Addresses: map[string]string{}, Public: "192.0.2.10", Internal: "192.0.2.11"}
	for i, name := range size.Names() {
		c.Addresses[name] = fmt.Sprintf("192.0.2.%d", i+21)
	}
	return c.Complete()
}

// folder has what a new site names by default.
func folder(t *testing.T) string {
	t.Helper()
	t.Setenv("HOME", "/home/me")
	dir := t.TempDir()
	for _, name := range []string{"static/index.html", "release/server"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func textOf(t *testing.T, c Choices) string {
	t.Helper()
	text, err := c.Text()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func load(t *testing.T, dir, text string) *spec.Site {
	t.Helper()
	s, err := spec.Parse([]byte(text), filepath.Join(dir, "site.yaml"))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return s
}

// commented is an option that is commented out.
var commented = regexp.MustCompile(`(?m)^( *)#([a-z])`)

// Every size loads, in the lab and with addresses; and it does with every option set.
func TestEverySizeLoads(t *testing.T) {
	dir := folder(t)
	for _, size := range Sizes() {
		for name, c := range map[string]Choices{"lab": Choices{Size: size}.Complete(), "own": own(size)} {
			t.Run(size.Name+" "+name, func(t *testing.T) {
				text := textOf(t, c)
				s := load(t, dir, text)
				for i, role := range spec.Roles {
					if got := len(s.With(role)); got != size.Counts[i] {
						t.Errorf("%d servers for %s, want %d", got, role, size.Counts[i])
					}
				}
				all := commented.ReplaceAllString(text, "$1$2")
				if all == text {
					t.Error("no option is shown")
				}
				load(t, dir, all)
			})
		}
	}
}

// Commented out or not, a new file shows every key that one could set.
func TestEveryKeyIsShown(t *testing.T) {
	size, err := SizeOf("ha")
	if err != nil {
		t.Fatal(err)
	}
	both := textOf(t, Choices{}.Complete()) + textOf(t, own(size))
	var walk func(k *spec.Key)
	walk = func(k *spec.Key) {
		for i := range k.Keys {
			// One objective stands for all of them, and the drill's paths for each other.
			if name := k.Keys[i].Name; k.Title != "Limits of one drill" && k.Name != "drill" && !strings.Contains(both, name+":") {
				t.Errorf("%s is not in the file", name)
			}
			walk(&k.Keys[i])
		}
		if k.Each != nil {
			walk(k.Each)
		}
	}
	walk(spec.Keys())
}

func TestChoicesAreWhatIsLoaded(t *testing.T) {
	dir := folder(t)
	size, err := SizeOf("single")
	if err != nil {
		t.Fatal(err)
	}
	c := own(size)
	c.Site, c.User, c.Database, c.Packages = "shop.example", "admin", "orders", "installed"
	c.Command, c.Migrate = []string{"./server", "--name=a, b", "yes"}, []string{"./server", "#1"}
	s := load(t, dir, textOf(t, c))
	got := fmt.Sprintf("%s %s %s %s %q %q %s %s", s.Name, s.SSH.User, s.Database.Name, s.Database.Packages, s.App.Command, s.App.Migrate, s.VIPs.Public, s.Servers[1].Address)
	want := `shop.example admin orders installed ["./server" "--name=a, b" "yes"] ["./server" "#1"] 192.0.2.10 192.0.2.22`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ site, size, database, lab string }{
		{"www.foobar.com", "ha", "foobar", "foobar-ha"},
		{"shop.example.co.uk", "single", "shop", "shop-single"},
		{"localhost", "ha", "localhost", "localhost-ha"},
		{"www.4-you.example", "ha", "site4_you", "site4-you-ha"},
		{"a-very-long-name-of-a-shop.example", "exercise", "a_very_long_name_of_a_shop", "a-very-long-exercise"},
		{"www." + strings.Repeat("1", 63) + ".example", "ha", "site" + strings.Repeat("1", 60), "site1111111111111-ha"},
	} {
		size, err := SizeOf(c.size)
		if err != nil {
			t.Fatal(err)
		}
		got := Choices{Site: c.site, Size: size}.Complete()
		if got.Database != c.database || got.Lab() != c.lab {
			t.Errorf("%s: database %s and lab %s, want %s and %s", c.site, got.Database, got.Lab(), c.database, c.lab)
		}
		if _, err := Check([]byte(textOf(t, got)), "site.yaml"); err != nil {
			t.Errorf("%s: %v", c.site, err)
		}
	}
}

// What is not on the disk yet is missing; what is wrong in the text is an error, and
// nothing that a choice holds can add a key to the file.
func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "site.yaml")
	missing, err := Check([]byte(textOf(t, Choices{}.Complete())), file)
	if err != nil || len(missing) != 2 || !strings.Contains(missing.Error(), "web.static") || !strings.Contains(missing.Error(), "app.release") {
		t.Errorf("missing %v, error %v", missing, err)
	}
	size, err := SizeOf("single")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Choices){
		"site: ":                 func(c *Choices) { c.Site = "WWW" },
		"holds a newline":        func(c *Choices) { c.Site = "a.example\ndrills: allowed" },
		"servers.web1.address: ": func(c *Choices) { c.Addresses["web1"] = "192.0.2.22, role: app" },
		"is also the address of": func(c *Choices) { c.Addresses["web1"] = c.Addresses["lb1"] },
		"vips.public: is empty":  func(c *Choices) { c.Public = "" },
		"database.name: ":        func(c *Choices) { c.Database = "mysql" },
		"database.packages: ":    func(c *Choices) { c.Packages = "oracle" },
		"ssh.user: ":             func(c *Choices) { c.User = "Root" },
		"app.command[0]: ":       func(c *Choices) { c.Command = []string{""} },
	} {
		c := own(size)
		change(&c)
		if missing, err := Check([]byte(textOf(t, c)), file); err == nil || missing != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %v, error %v, want %q", missing, err, want)
		}
	}
}

func TestMissing(t *testing.T) {
	size, err := SizeOf("single")
	if err != nil {
		t.Fatal(err)
	}
	c := own(size)
	if err := c.Missing(); err != nil {
		t.Error(err)
	}
	delete(c.Addresses, "app1")
	if err := c.Missing(); err == nil || !strings.Contains(err.Error(), "no address: app1") {
		t.Error(err)
	}
	c.Addresses["app9"] = "192.0.2.99"
	if err := c.Missing(); err == nil || !strings.Contains(err.Error(), `no server "app9"; there are: lb1, web1, app1, db1`) {
		t.Error(err)
	}
	if err := (Choices{}).Missing(); err != nil {
		t.Error(err)
	}
}

func TestSizeOf(t *testing.T) {
	if _, err := SizeOf("huge"); err == nil || !strings.Contains(err.Error(), "single, exercise, ha") {
		t.Error(err)
	}
	size, err := SizeOf("ha")
	if err != nil || size.String() != "2 load balancers, 2 web servers, 2 app servers, 3 database servers" || size.Servers() != 9 {
		t.Errorf("%v, %v", size, err)
	}
}
