package doctor

import (
	"errors"
	"io/fs"
	"testing"
	"time"
)

// want finds the one check of an ID and compares what it says of it.
func want(t *testing.T, name string, checks []Check, id string, result Result, isFatal bool) {
	t.Helper()
	found := 0
	for _, c := range checks {
		if c.ID != id {
			continue
		}
		found++
		if c.Result != result || c.Fatal != isFatal {
			t.Errorf("%s: %s is %s (fatal %v), want %s (fatal %v): %s", name, id, c.Result, c.Fatal, result, isFatal, c.Message)
		}
		if (c.Fix == "") != (c.Result == Pass) || c.Message == "" {
			t.Errorf("%s: %s, a %s, says %q and advises %q", name, id, c.Result, c.Message, c.Fix)
		}
	}
	if found != 1 {
		t.Errorf("%s: %d checks %s among %+v", name, found, id, checks)
	}
}

var built = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// problem is an error that knows the way out, as the lab's do.
type problem struct{ reason, fix string }

func (p problem) Error() string { return p.reason }
func (p problem) Hint() string  { return p.fix }

func TestComputer(t *testing.T) {
	good := Computer{Now: built.Add(time.Hour), Binary: Binary{Path: "scaleup", Made: built, Static: true}}
	for _, c := range []struct {
		name    string
		change  func(*Computer)
		id      string
		result  Result
		isFatal bool
	}{
		{"as it should be", func(*Computer) {}, "clock", Pass, false},
		{"a clock before the build", func(c *Computer) { c.Now = built.Add(-time.Second) }, "clock", Fail, false},
		{"static", func(*Computer) {}, "binary", Pass, false},
		{"with libraries", func(c *Computer) { c.Binary.Static = false }, "binary", Fail, false},
		{"secrets", func(c *Computer) { c.State = &State{Mode: fs.ModeDir | 0o700} }, "state-folder", Pass, false},
		{"secrets for all", func(c *Computer) { c.State = &State{Mode: fs.ModeDir | 0o755} }, "state-folder", Fail, false},
		{"a need that is met", func(c *Computer) { c.Lab = &Lab{Needs: []Need{{ID: "root"}}} }, "lab-root", Pass, false},
		{"a need that is not", func(c *Computer) { c.Lab = &Lab{Needs: []Need{{"subnet", problem{"taken", "choose another"}}}} }, "lab-subnet", Fail, true},
		{"programs that up installs", func(c *Computer) {
			c.Lab = &Lab{Needs: []Need{{"tools", problem{"no nft", "apt-get install nftables"}}}}
		}, "lab-tools", Warn, false},
		{"plenty of memory", func(c *Computer) { c.Lab = &Lab{Off: 9, Databases: 3, Available: 8 << 30} }, "lab-memory", Pass, false},
		{"little memory", func(c *Computer) { c.Lab = &Lab{Off: 9, Databases: 3, Available: 3 << 30} }, "lab-memory", Warn, false},
		{"too little memory", func(c *Computer) { c.Lab = &Lab{Off: 9, Databases: 3, Available: 1 << 30} }, "lab-memory", Fail, false},
		{"a key", func(c *Computer) { c.SSH = &SSH{Key: "k", KeyMode: 0o600} }, "ssh-key-mode", Pass, false},
		{"a key for others, too", func(c *Computer) { c.SSH = &SSH{Key: "k", KeyMode: 0o640} }, "ssh-key-mode", Fail, false},
		{"no key", func(c *Computer) { c.SSH = &SSH{Key: "k", KeyErr: fs.ErrNotExist} }, "ssh-key", Fail, true},
		{"known hosts", func(c *Computer) { c.SSH = &SSH{} }, "known-hosts", Pass, false},
		{"no known hosts", func(c *Computer) { c.SSH = &SSH{KnownErr: fs.ErrNotExist} }, "known-hosts", Fail, true},
		{"an unknown host", func(c *Computer) { c.SSH = &SSH{Unknown: []string{"db1"}} }, "known-hosts", Fail, true},
		{"a certificate for long", func(c *Computer) { c.Certificate = &Certificate{Expires: c.Now.Add(11 * 24 * time.Hour)} }, "certificate", Pass, false},
		{"a certificate that ends soon", func(c *Computer) { c.Certificate = &Certificate{Expires: c.Now.Add(9 * 24 * time.Hour)} }, "certificate", Warn, false},
		{"a certificate that went away", func(c *Computer) { c.Certificate = &Certificate{Err: fs.ErrNotExist} }, "certificate", Warn, false},
	} {
		computer := good
		c.change(&computer)
		want(t, c.name, computer.Checks(), c.id, c.result, c.isFatal)
	}
}

// Memory is judged for machines that are still to be booted.
func TestMemoryOfRunningLab(t *testing.T) {
	for _, lab := range []Lab{{Off: 0, Available: 1}, {Off: 9, Available: -1}} {
		for _, c := range (Computer{Lab: &lab}).Checks() {
			if c.ID == "lab-memory" {
				t.Errorf("%+v: %+v", lab, c)
			}
		}
	}
}

func TestFixable(t *testing.T) {
	c := Computer{
		Lab:   &Lab{Needs: []Need{{"tools", errors.New("no nft")}, {"root", errors.New("not root")}}},
		SSH:   &SSH{KeyMode: 0o644, Unknown: []string{"db1"}},
		State: &State{Mode: 0o755},
	}
	fixable := map[string]bool{}
	for _, check := range c.Checks() {
		if check.Fixable {
			fixable[check.ID] = true
		}
	}
	if len(fixable) != 3 || !fixable[IDTools] || !fixable[IDKeyMode] || !fixable[IDState] {
		t.Errorf("fixable: %v", fixable)
	}
}

// Every need of the lab has words for when it is met.
func TestMetNeeds(t *testing.T) {
	for _, id := range []string{"architecture", "root", "folder", "tools", "kernel", "bridge", "subnet", "disk", "cgroups"} {
		if metNeeds[id] == "" {
			t.Errorf("%s has none", id)
		}
	}
}
