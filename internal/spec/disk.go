package spec

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// checkStatic checks that the folder of static files has some.
func checkStatic(r *report, static string) {
	if static == "" || !checkFolder(r, "web.static", static) {
		return
	}
	if !hasFile(static) {
		r.failAt("web.static", buildHint(static, "put the static files there, or name their folder"), "%s holds no files", quote(static))
	}
}

// checkRelease checks that the release is there with the programs of its commands.
func checkRelease(r *report, a AppTier) {
	if a.Release == "" || !checkFolder(r, "app.release", a.Release) {
		return
	}
	checkProgram(r, "app.command", a.Release, a.Command)
	checkProgram(r, "app.migrate", a.Release, a.Migrate)
}

// checkFolder checks that a path is a folder that can be read.
func checkFolder(r *report, path, folder string) bool {
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.failAt(path, buildHint(folder, "make the folder, or name another; relative paths start at the site file"),
			"the folder %s does not exist", quote(folder))
	case err != nil:
		r.failAt(path, "make it readable for you", "%s cannot be read: %v", quote(folder), cause(err))
	case !info.IsDir():
		r.failAt(path, "name the folder, not a file in it", "%s is not a folder", quote(folder))
	default:
		return true
	}
	return false
}

// buildHint is the hint for a folder without content: those of the reference
// application are built, others are for the user to fill.
func buildHint(folder, otherwise string) string {
	for _, built := range []string{"foobar/static", "foobar/release"} {
		if strings.HasSuffix(filepath.ToSlash(folder), "/"+built) {
			return "run `make build`, which builds it"
		}
	}
	return otherwise
}

// hasFile reports whether there is a file in a folder or below it.
func hasFile(folder string) bool {
	found := false
	// Folders that cannot be read hold nothing that could be served.
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != folder && !d.IsDir() {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// checkProgram checks the program of a command. An absolute one is the
// server's, and is checked there; any other is part of the release, which
// is copied as a whole, so that nothing outside it goes along.
func checkProgram(r *report, path, release string, argv []string) {
	if len(argv) == 0 || argv[0] == "" || filepath.IsAbs(argv[0]) || r.failed[path] {
		return
	}
	program := argv[0]
	root, err := os.OpenRoot(release)
	if err != nil {
		r.failAt("app.release", "make it readable for you", "%s cannot be read: %v", quote(release), cause(err))
		return
	}
	defer root.Close()
	info, err := root.Stat(program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.failAt(path, buildHint(release, "name a program of the release such as ./server, or one of the server by its absolute path"),
			"%s is not in the release %s", quote(program), quote(release))
	case errors.Is(err, fs.ErrPermission):
		r.failAt(path, "make it readable for you", "%s cannot be read: %v", quote(program), cause(err))
	case err != nil:
		// os.Root refuses ".." and links that lead out, without an error to test for.
		r.failAt(path, "copy the program into the release; links and .. must stay inside it",
			"%s leads out of the release %s", quote(program), quote(release))
	case !info.Mode().IsRegular():
		r.failAt(path, "name the program itself", "%s is not a regular file", quote(program))
	case info.Mode().Perm()&0o111 == 0:
		r.failAt(path, "make it executable: chmod +x "+filepath.Join(release, program), "%s is not executable", quote(program))
	}
}
