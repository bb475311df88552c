// Package assets holds the site's static files and names them by their content, so that a file may be cached for ever: another
// content is another name. The web servers serve the files (tools/assets writes them into a folder); the application embeds
// them only to know the names. Both compute the same ones, from the same bytes.
package assets

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
)

//go:embed files
var files embed.FS

// File is one static file.
type File struct {
	Name     string // what templates call it, for example "app.css"
	Path     string // where it is served, for example "/static/app.3f2a9c1b70de.css"
	Body     []byte
	Compress bool // worth a compressed copy
}

// Set is all static files, by name.
type Set map[string]File

// fixedNames are asked for by name, by browsers, robots and web servers. They cannot carry a fingerprint.
var fixedNames = map[string]bool{"favicon.svg": true, "robots.txt": true, "50x.html": true}

// Load reads the embedded files and adds those that benchmarks ask for.
func Load() (Set, error) {
	set := Set{}
	entries, err := fs.ReadDir(files, "files")
	if err != nil {
		return nil, fmt.Errorf("list the static files: %w", err)
	}
	for _, e := range entries {
		body, err := files.ReadFile("files/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read a static file: %w", err)
		}
		set.add(File{Name: e.Name(), Body: body, Compress: true})
	}
	set.add(File{Name: "bench-1k.bin", Body: noise(1 << 10)})
	set.add(File{Name: "bench-100k.bin", Body: noise(100 << 10)})
	return set, nil
}

func (s Set) add(f File) {
	f.Path = "/" + f.Name
	if !fixedNames[f.Name] {
		f.Path = "/static/" + fingerprint(f.Name, f.Body)
	}
	s[f.Name] = f
}

// Path is where a file is served. An unknown name is an error, so that a template with a typing mistake fails in its test.
func (s Set) Path(name string) (string, error) {
	f, ok := s[name]
	if !ok {
		return "", fmt.Errorf("there is no static file %q", name)
	}
	return f.Path, nil
}

// Files lists all files by name.
func (s Set) Files() []File {
	all := make([]File, 0, len(s))
	for _, f := range s {
		all = append(all, f)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// fingerprint puts 12 hexadecimal digits of the content's SHA-256 before the extension.
func fingerprint(name string, body []byte) string {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
}

// noise is n bytes that do not compress and are the same on every build: SHA-256 over a counter.
func noise(n int) []byte {
	out := make([]byte, 0, n+sha256.Size)
	for i := 0; len(out) < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "foobar noise %d", i))
		out = append(out, sum[:]...)
	}
	return out[:n]
}
