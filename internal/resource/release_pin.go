package resource

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Files that let a stable Debian take single packages from unstable.
const (
	pinSource      = "/etc/apt/sources.list.d/scaleup-%s.sources"
	pinPreferences = "/etc/apt/preferences.d/scaleup-%s"
)

// pinRelease makes a further Debian release available for packages asked for by
// name, from the mirror the server already uses, with a priority (100) below its
// own release's, so that nothing else ever comes from there. It reports whether
// it changed something, that is whether the package lists are too old now.
func pinRelease(sys System, release string) (changed bool, err error) {
	if release == "" {
		return false, nil
	}
	source := sys.path(fmt.Sprintf(pinSource, release))
	if _, err := os.Stat(source); err == nil {
		return false, nil
	}
	mirror, err := debianMirror(sys)
	if err != nil {
		return false, err
	}
	stanza := fmt.Sprintf("Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n", mirror, release)
	preference := fmt.Sprintf("Explanation: only packages asked for by name come from %s.\nPackage: *\nPin: release n=%s\nPin-Priority: 100\n", release, release)
	ctx := context.Background()
	files := []*File{
		{Path: fmt.Sprintf(pinPreferences, release), Content: []byte(preference), Mode: 0o644},
		{Path: fmt.Sprintf(pinSource, release), Content: []byte(stanza), Mode: 0o644},
	}
	for _, f := range files {
		if err := f.Apply(ctx, sys); err != nil {
			return false, err
		}
	}
	return true, nil
}

var debianURI = regexp.MustCompile(`https?://\S+/debian/?(\s|$)`)

// debianMirror finds the Debian archive the server's own apt is set up with.
func debianMirror(sys System) (string, error) {
	files := []string{sys.path("/etc/apt/sources.list")}
	for _, pattern := range []string{"*.sources", "*.list"} {
		found, err := filepath.Glob(sys.path("/etc/apt/sources.list.d/" + pattern))
		if err != nil {
			return "", err
		}
		files = append(files, found...)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if absent(err) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("find the server's Debian mirror: %w", err)
		}
		for line := range strings.Lines(string(content)) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			if uri := strings.TrimSpace(debianURI.FindString(line)); uri != "" {
				return uri, nil
			}
		}
	}
	return "", fmt.Errorf("find the server's Debian mirror: no source in /etc/apt names one; on another system use database.packages: installed")
}
