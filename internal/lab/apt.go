package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// aptSettings is what the computer's apt configuration says about reaching a
// Debian archive. Layers are built with it, so that what works for apt on the
// computer (mirror, proxy, a frozen archive) works for the lab.
type aptSettings struct {
	mirror  string
	options []aptOption // Acquire::…
}

type aptOption struct{ key, value string }

// readAptSettings asks the computer's apt.
func readAptSettings(ctx context.Context) (aptSettings, error) {
	dump, err := run(ctx, "apt-config", "dump")
	if err != nil {
		return aptSettings{}, fmt.Errorf("read the apt configuration of this computer: %w", err)
	}
	var sources []string
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*")
	for _, file := range append([]string{"/etc/apt/sources.list"}, files...) {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if strings.HasSuffix(file, ".sources") {
			sources = append(sources, parseDeb822Sources(string(data))...)
		} else if strings.HasSuffix(file, ".list") {
			sources = append(sources, parseSourcesList(string(data))...)
		}
	}
	mirror := chooseMirror(sources)
	if mirror == "" {
		return aptSettings{}, &Problem{
			Reason: "this computer's apt knows no Debian archive to build the lab's machines from",
			Fix:    "name one, which need not be installed from: echo 'deb MIRROR/debian trixie main' >/etc/apt/sources.list.d/debian.list, with a pin below your own release",
		}
	}
	return aptSettings{mirror: mirror, options: parseAptDump(dump)}, nil
}

// passedOn are the settings about reaching an archive. Commands (such as
// Proxy-Auto-Detect) are not passed on: they are not there inside a layer.
var passedOn = []string{
	"Acquire::http::", "Acquire::https::", "Acquire::ftp::", "Acquire::Retries", "Acquire::ForceIPv4", "Acquire::ForceIPv6",
	"Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::Max-ValidTime", "Acquire::Min-ValidTime", "Acquire::Max-FutureTime",
}

// parseAptDump takes what concerns the archive from the output of "apt-config dump".
func parseAptDump(dump string) []aptOption {
	var options []aptOption
	for line := range strings.Lines(dump) {
		key, value, ok := strings.Cut(strings.TrimSuffix(strings.TrimSpace(line), ";"), " ")
		value = strings.Trim(value, `"`)
		if !ok || value == "" || strings.ContainsAny(value, "\"\n") || strings.HasSuffix(key, "::") {
			continue
		}
		lower := strings.ToLower(key)
		wanted := slices.ContainsFunc(passedOn, func(p string) bool { return strings.HasPrefix(lower, strings.ToLower(p)) })
		if wanted && !strings.Contains(lower, "auto-detect") && !strings.Contains(lower, "autodetect") {
			options = append(options, aptOption{key, value})
		}
	}
	return options
}

// parseSourcesList returns the addresses of the one-line format that hold
// binary packages.
func parseSourcesList(text string) []string {
	var addresses []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !ok {
			continue
		}
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			_, rest, _ = strings.Cut(rest, "]")
		}
		if f := strings.Fields(rest); len(f) >= 2 {
			addresses = append(addresses, f[0])
		}
	}
	return addresses
}

// parseDeb822Sources returns the addresses of enabled stanzas with binary packages.
func parseDeb822Sources(text string) []string {
	var addresses []string
	for _, stanza := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		fields := deb822Fields(stanza)
		if strings.EqualFold(fields["enabled"], "no") || !slices.Contains(strings.Fields(fields["types"]), "deb") {
			continue
		}
		addresses = append(addresses, strings.Fields(fields["uris"])...)
	}
	return addresses
}

func deb822Fields(stanza string) map[string]string {
	fields := map[string]string{}
	var last string
	for line := range strings.Lines(stanza) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "":
		case line[0] == ' ' || line[0] == '\t':
			fields[last] += " " + strings.TrimSpace(line)
		default:
			key, value, _ := strings.Cut(line, ":")
			last = strings.ToLower(strings.TrimSpace(key))
			fields[last] = strings.TrimSpace(value)
		}
	}
	return fields
}

// chooseMirror picks the first address that is a Debian archive, neither its
// security updates nor someone else's; "" when there is none. Which mirror to ask
// is the computer's decision, so there is no default.
func chooseMirror(addresses []string) string {
	for _, a := range addresses {
		path := strings.TrimRight(a, "/")
		http := strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://")
		if http && (strings.HasSuffix(path, "/debian") || strings.Contains(path, "/archive/debian/")) {
			return path
		}
	}
	return ""
}

// config is an apt configuration file with the settings. A mirror that does
// not answer is given up on soon, unless the computer's own settings say
// otherwise: an apt that hangs for minutes helps nobody.
func (s aptSettings) config() string {
	defaults := []aptOption{
		{"Acquire::Languages", "none"},
		{"Acquire::http::Timeout", "10"},
		{"Acquire::https::Timeout", "10"},
		{"Acquire::Retries", "1"},
		{"Acquire::PDiffs", "false"},
		{"APT::Install-Recommends", "false"},
	}
	var b strings.Builder
	for _, o := range append(defaults, s.options...) {
		fmt.Fprintf(&b, "%s \"%s\";\n", o.key, o.value)
	}
	return b.String()
}

// source is a line of a sources list.
func (s aptSettings) source(suite string) string {
	return fmt.Sprintf("deb %s %s main\n", s.mirror, suite)
}
