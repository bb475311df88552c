package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/scaffold"
)

func TestInterview(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	ha := scaffold.Choices{}.Complete()
	single, err := scaffold.SizeOf("single")
	if err != nil {
		t.Fatal(err)
	}
	own := scaffold.Choices{
		Site: "www.shop.example", Size: single,
		Addresses: map[string]string{"lb1": "192.0.2.21", "web1": "192.0.2.31", "app1": "192.0.2.41", "db1": "192.0.2.51"},
		Public:    "192.0.2.10", Internal: "192.0.2.11", User: "admin",
		Static: "./public", Release: "/srv/shop", Command: []string{"./shop", "serve"}, Database: "shop", Packages: "installed",
	}
	for _, c := range []struct {
		name    string
		answers []string
		end     string
		want    scaffold.Choices
		said    []string
	}{
		{"all defaults", make([]string, 8), "\n", ha, []string{
			"Host name of the site [www.example.com]: ", "Size [ha]: ", "(lab, own) [lab]: ", "/static]: ", "/release]: ", "[./server]: ", "[example]: ", "[debian-sid]: ",
		}},
		{"servers of one's own", []string{
			"www.shop.example", "single", "own", "192.0.2.21", "192.0.2.31", "192.0.2.41", "192.0.2.51", "192.0.2.10", "192.0.2.11", "admin",
			"public", "/srv/shop", "./shop serve", "", "installed",
		}, "", own, []string{"Address of lb1: ", "Address of db1: ", "User to log in as [root]: ", "[shop]: "}},
		{"wrong answers are asked again", []string{
			"WWW", "www.shop.example", "huge", "single", "cloud", "own", "", "192.0.2.21", "192.0.2.21", "192.0.2.31", "10.0.0.256", "192.0.2.41", "192.0.2.51, role: web", "192.0.2.51",
			"192.0.2.41", "192.0.2.10", "192.0.2.11", "Admin", "admin", "public", "/srv/shop", "./shop serve", "mysql", "shop", "oracle", "installed",
		}, "\n", own, []string{
			`"WWW" is not a DNS host name`, `"huge" is not a size`, `"cloud" is neither`, "servers.lb1.address: is empty", "is also the address of lb1", `"10.0.0.256" is not an IPv4 address`,
			`"192.0.2.51, role: web" is not`, "is also the address of app1", `"Admin" is not a user name`, "is a database of MySQL itself", "oracle is not built yet",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			var said bytes.Buffer
			in := strings.NewReader(strings.Join(c.answers, "\n") + c.end)
			got, err := interview(t.Context(), newPrompter(in, &said), filepath.Join(dir, "site.yaml"))
			if err != nil {
				t.Fatalf("%v after:\n%s", err, &said)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("choices (-want +got):\n%s", diff)
			}
			for _, want := range c.said {
				if !strings.Contains(said.String(), want) {
					t.Errorf("%q was not said:\n%s", want, &said)
				}
			}
			if in.Len() > 0 {
				t.Errorf("%d bytes of answers were not read", in.Len())
			}
		})
	}
}

func TestInterviewEnds(t *testing.T) {
	if _, err := interview(t.Context(), newPrompter(strings.NewReader("www.a.example\n"), io.Discard), "site.yaml"); err == nil || !strings.Contains(err.Error(), "ended before") {
		t.Errorf("answers that end: %v", err)
	}
	silent, other := io.Pipe() // nobody answers
	defer other.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := interview(ctx, newPrompter(silent, io.Discard), "site.yaml"); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupt: %v", err)
	}
}

// Every verb that init names is one.
func TestNextCommandsExist(t *testing.T) {
	for _, command := range append(nextCommands("site.yaml", true), nextCommands("a.yaml", false)...) {
		words := strings.Fields(command)
		if c, _, err := newRoot(streams{}).Find(words[1:2]); err != nil || c.Name() != words[1] {
			t.Errorf("%s: there is no such verb", command)
		}
	}
}
