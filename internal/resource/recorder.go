package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// LoadedDir is where units record which files they have loaded: one file per
// unit in the format of sha256sum. It lies in /run, so a reboot empties it and
// every start writes it anew.
const LoadedDir = "/run/scaleup/loaded"

// Digest is the hex sha256 of some content.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Reads lists files as a unit's reads, all with the same rule.
func Reads(onChange OnChange, files ...*File) []Read {
	reads := make([]Read, len(files))
	for i, f := range files {
		reads[i] = Read{Path: f.Path, Digest: Digest(f.Content), OnChange: onChange}
	}
	return reads
}

// Recorder is the drop-in that makes a unit record, at every start and reload,
// the digests of the files it reads. At a start it records before the program
// reads: when a file changes in between, the record is the older one and the next
// plan restarts the unit once more, never once too few. At a reload it records
// after the unit's own commands, which systemd puts first, and only if they
// succeeded. The drop-in needs no scaleup on the server. A unit that is never
// reloaded gets no ExecReload line.
func Recorder(unit string, reads []Read) *File {
	var paths []string
	reloads := false
	for _, r := range reads {
		paths = append(paths, r.Path)
		reloads = reloads || r.OnChange == OnChangeReload
	}
	record := fmt.Sprintf("+/bin/sh -c 'mkdir -p %s && sha256sum %s >%s/%s'", LoadedDir, strings.Join(paths, " "), LoadedDir, unit)
	var b strings.Builder
	b.WriteString("# Records which version of its files the unit has loaded, for scaleup plan.\n[Service]\n")
	fmt.Fprintf(&b, "ExecStartPre=%s\n", record)
	if reloads {
		fmt.Fprintf(&b, "ExecReload=%s\n", record)
	}
	return &File{Path: "/etc/systemd/system/" + unit + ".d/90-loaded.conf", Content: []byte(b.String()), Mode: 0o644}
}
