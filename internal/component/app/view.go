package app

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"scaleup/internal/component"
)

// view is what the templates show.
type view struct {
	Server, Site     string
	Reference        bool
	User, Password   string
	Slots, Migration string // folders of the links to the release
	Config           string
	Command, Migrate string // ExecStart lines; Migrate is empty when there is none
	Memory           int64
	Files            uint64
	Env              []variable
}

// wantFiles is enough for ten thousand connections and their database side.
const wantFiles = 32768

func newView(in component.Input) (view, error) {
	site := in.Topology.Site
	v := view{
		Server: in.Server.Name, Site: site.Name, Reference: in.Facts.Reference,
		User: user, Password: passwordPath, Slots: slotsDir, Migration: migrateLink, Config: configDir,
		Memory: site.App.Memory, Files: min(wantFiles, in.Facts.OpenFiles),
	}
	for _, text := range []string{v.Server, v.Site} {
		if strings.ContainsFunc(text, unicode.IsControl) {
			return view{}, fmt.Errorf("%q cannot stand in a configuration", text)
		}
	}
	var err error
	if v.Command, err = execStart(site.App.Command, slotsDir+"/%i"); err != nil {
		return view{}, fmt.Errorf("app.command: %w", err)
	}
	if len(site.App.Migrate) > 0 {
		if v.Migrate, err = execStart(site.App.Migrate, migrateLink); err != nil {
			return view{}, fmt.Errorf("app.migrate: %w", err)
		}
	}
	return v, nil
}

// bareName is a program that systemd looks for in its path: nothing that systemd
// takes for one of ExecStart's prefixes (@ - : + ! |).
var bareName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)

// execStart writes argv as the value of ExecStart. A relative path starts in
// folder, a plain name is looked for by systemd. The prefix : keeps systemd from
// expanding environment variables, so that a $ is a $.
func execStart(argv []string, folder string) (string, error) {
	if len(argv) == 0 {
		return "", fmt.Errorf("has no program")
	}
	for _, a := range argv {
		if !utf8.ValidString(a) || strings.ContainsFunc(a, unicode.IsControl) {
			return "", fmt.Errorf("%q holds a control character or is not UTF-8; systemd takes neither", a)
		}
	}
	program := argv[0]
	switch {
	case strings.HasPrefix(program, "/"):
		program = escape(program)
	case strings.Contains(program, "/"):
		program = folder + "/" + escape(strings.TrimPrefix(program, "./"))
	case !bareName.MatchString(program):
		return "", fmt.Errorf("%q is not the name of a program; write ./%s for a file of the release", program, program)
	}
	words := []string{":" + quote(program)}
	for _, a := range argv[1:] {
		words = append(words, quote(escape(a)))
	}
	return strings.Join(words, " "), nil
}

// escape keeps systemd from reading % as a specifier.
func escape(word string) string { return strings.ReplaceAll(word, "%", "%%") }

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quote writes a word so that systemd reads it as one, whatever is in it.
func quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
