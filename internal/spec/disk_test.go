package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFolderMistakes(t *testing.T) {
	dir := newDir(t)
	for _, folder := range []string{"empty/css", "release/folder"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "secret"), 0o755, "#!/bin/sh\n")
	write(t, filepath.Join(dir, "release", "readme"), 0o644, "hello")
	for link, target := range map[string]string{
		"out": "../secret", "dangling": "nowhere", "absolute": filepath.Join(dir, "secret"), "up": "..",
	} {
		if err := os.Symlink(target, filepath.Join(dir, "release", link)); err != nil {
			t.Fatal(err)
		}
	}
	static := func(name, to string, reason, hint string) mistake {
		return mistake{name: name, from: "static: static", to: "static: " + to, line: 8, reason: reason, hint: hint}
	}
	release := func(name, to string, reason, hint string) mistake {
		return mistake{name: name, from: "release: release", to: "release: " + to, line: 10, reason: reason, hint: hint}
	}
	command := func(name, to string, reason, hint string) mistake {
		return mistake{name: name, from: "[./server]", to: "[" + to + "]", line: 11, reason: reason, hint: hint}
	}
	runMistakes(t, dir, []mistake{
		static("static missing", "nowhere", `web.static: the folder "`+dir+`/nowhere" does not exist`, "relative paths start at the site file"),
		static("static not built", "../foobar/static", "does not exist", "make build"),
		static("static a file", "static/site.css", "is not a folder", "name the folder"),
		static("static without files", "empty", "holds no files", "put the static files there"),
		release("release missing", "nowhere", "app.release: the folder ", "make the folder"),
		release("release not built", "../foobar/release", "does not exist", "make build"),
		release("release a file", "static/site.css", "is not a folder", "name the folder"),
		command("command missing", "./nowhere", `app.command: "./nowhere" is not in the release`, "absolute path"),
		command("command by name", "node, x.js", `"node" is not in the release`, "absolute path"),
		command("command above", "../secret", `"../secret" leads out of the release`, "inside it"),
		command("command through the top", "./folder/../../secret", "leads out of the release", "inside it"),
		command("command a link out", "./out", "leads out of the release", "inside it"),
		command("command an absolute link", "./absolute", "leads out of the release", "inside it"),
		command("command below a link out", "./up/secret", "leads out of the release", "inside it"),
		command("command a dangling link", "./dangling", "is not in the release", "absolute path"),
		command("command a folder", "./folder", "is not a regular file", "program itself"),
		command("command not executable", "./readme", `"./readme" is not executable`, "chmod +x "+dir+"/release/readme"),
		{name: "migrate missing", from: "[./server]", to: "[./server]\n  migrate: [./migrate]", line: 12, reason: `app.migrate: "./migrate" is not in the release`, hint: "absolute"},
	})
}

func TestAbsoluteCommandIsTheServers(t *testing.T) {
	dir := newDir(t)
	text := strings.Replace(good, "[./server]", "[/usr/bin/no-such-program, server.js]", 1)
	if _, err := parse([]byte(text), filepath.Join(dir, "site.yaml"), now); err != nil {
		t.Error(err)
	}
}

func TestLoadMistakes(t *testing.T) {
	dir := newDir(t)
	missing := filepath.Join(dir, "nowhere.yaml")
	for _, c := range []struct{ name, path, want string }{
		{"missing", missing, missing + ": no such file\n  hint: name the site file with --file, or write one with scaleup init"},
		{"folder", dir, dir + ": is a folder, not a site file\n  hint: name the site file in it with --file"},
		{"below a file", missing[:len(missing)-12] + "static/site.css/x", dir + "/static/site.css/x: cannot be read: not a directory\n  hint: make it readable for you, or name another with --file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(c.path)
			if err == nil {
				t.Fatal("no error")
			}
			if got := err.Error(); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

// Who only looks at a site need not have what it serves.
func TestLoadText(t *testing.T) {
	dir := newDir(t)
	file := filepath.Join(dir, "site.yaml")
	write(t, file, 0o644, strings.Replace(good, "static: static", "static: not-built-yet", 1))
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "not-built-yet") {
		t.Errorf("Load: %v, want a word about the missing folder", err)
	}
	if s, err := LoadText(file); err != nil || s.Name == "" {
		t.Errorf("LoadText: %+v, %v", s, err)
	}
	write(t, file, 0o644, strings.Replace(good, "static: static", "statics: static", 1))
	if _, err := LoadText(file); err == nil || !strings.Contains(err.Error(), "statics") {
		t.Errorf("LoadText of a mistake in the text: %v", err)
	}
}
