package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"scaleup/internal/scaffold"
	"scaleup/internal/siteschema"
	"scaleup/internal/spec"
)

const initLong = `init writes a commented site file for a new site. On a terminal it asks for what
it needs; where nobody can be asked, or when any flag below says something of the
site, it asks nothing, and what the flags leave open has its default.

Sizes (--size):
%s
Without --server the servers are machines of a lab on this computer. With it, each
server of the size needs its address, and the site two virtual addresses:

  scaleup init --size single --server lb1=192.0.2.21 --server web1=192.0.2.31 \
    --server app1=192.0.2.41 --server db1=192.0.2.51 \
    --vip-public 192.0.2.10 --vip-internal 192.0.2.11 --packages debian-sid

Folders that the file names need not be there yet: init says what is still to be
made. With --schema it writes site.schema.json beside the file, for editors that
complete and check as one types; --schema alone prints the schema.

Exit codes: 0 written; 1 the file is there already (see --force) or cannot be
written; 64 a value that no site file may have.`

// initFlags are what init was told on its command line.
type initFlags struct {
	size, site             string
	lab                    bool
	servers                []string
	public, internal, user string
	static, release        string
	command, migrate       string
	database, packages     string
	output                 string
	force, schema          bool
}

func initCommand(o *options) *cobra.Command {
	var in initFlags
	cmd := &cobra.Command{
		Use: "init", Short: "Write a commented site file to start from", Long: fmt.Sprintf(initLong, sizeList()),
		Args: exactly(0, "no arguments"),
	}
	flags := cmd.Flags()
	// Those of the first group say something of the site; with any of them, nothing is asked.
	flags.StringVar(&in.size, "size", "", "how many servers: "+strings.Join(scaffold.SizeNames(), ", ")+" (default: ha)")
	flags.StringVar(&in.site, "site", "", "host name of the site (default: www.example.com)")
	flags.BoolVar(&in.lab, "lab", false, "the servers are the lab's, which is the default")
	flags.StringArrayVar(&in.servers, "server", nil, "NAME=ADDRESS of a server of your own; once for each server of the size")
	flags.StringVar(&in.public, "vip-public", "", "free address that the users reach, with --server")
	flags.StringVar(&in.internal, "vip-internal", "", "free address that the tiers reach each other at, with --server")
	flags.StringVar(&in.user, "ssh-user", "", "user to log in as, with --server (default: root)")
	flags.StringVar(&in.static, "static", "", "folder of static files (default: static, beside the file)")
	flags.StringVar(&in.release, "release", "", "folder of the program (default: release, beside the file)")
	flags.StringVar(&in.command, "command", "", "how to start the program; words end at spaces (default: ./server)")
	flags.StringVar(&in.migrate, "migrate", "", "how to bring the database up to date, once per release (default: nothing)")
	flags.StringVar(&in.database, "database", "", "name of the program's database (default: made of the site's name)")
	flags.StringVar(&in.packages, "packages", "", "where MySQL comes from: debian-sid, installed (default in the lab: debian-sid)")
	about := []string{"size", "site", "lab", "server", "vip-public", "vip-internal", "ssh-user", "static", "release", "command", "migrate", "database", "packages"}
	flags.StringVar(&in.output, "output", "", "file to write (default: the one of --file, else site.yaml)")
	flags.BoolVar(&in.force, "force", false, "replace the file if it is there")
	flags.BoolVar(&in.schema, "schema", false, "write site.schema.json beside the file, too; alone: print it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		told := false
		for _, name := range about {
			told = told || flags.Changed(name)
		}
		if in.schema && !told && !flags.Changed("output") && o.file == "" {
			return o.printSchema()
		}
		return o.initSite(cmd.Context(), in, told)
	}
	return cmd
}

// sizeList explains the sizes, a line each.
func sizeList() string {
	var b strings.Builder
	for _, size := range scaffold.Sizes() {
		fmt.Fprintf(&b, "  %-9s %s\n", size.Name, size)
	}
	return b.String()
}

func (o *options) printSchema() error {
	schema, err := siteschema.JSON()
	if err != nil {
		return err
	}
	_, err = o.out.Write(schema)
	return err
}

// initSite makes the choices, by flags or by questions, and writes the file.
func (o *options) initSite(ctx context.Context, in initFlags, told bool) error {
	path := in.path(o.file)
	if _, err := os.Lstat(path); err == nil && !in.force {
		return isThere(path)
	}
	choices, err := in.choices(path)
	if err != nil {
		return err
	}
	if !told && !o.yes && !o.noInput && isTerminal(o.in) {
		if choices, err = interview(ctx, newPrompter(o.in, o.err), path); err != nil {
			return err
		}
	}
	if in.schema {
		choices.Schema = siteschema.File
	}
	text, err := choices.Text()
	if err != nil {
		return err
	}
	missing, err := scaffold.Check(text, path)
	if err != nil {
		return asUsage(err)
	}
	if err := writeNew(path, text, in.force); err != nil {
		return err
	}
	if in.schema {
		schema, err := siteschema.JSON()
		if err != nil {
			return err
		}
		// The schema is scaleup's own and the same for every site: an older one is replaced.
		if err := writeNew(filepath.Join(filepath.Dir(path), siteschema.File), schema, true); err != nil {
			return err
		}
	}
	return o.printInit(path, choices, missing)
}

// path is the file to write.
func (in initFlags) path(file string) string {
	switch {
	case in.output != "":
		return in.output
	case file != "":
		return file
	}
	return "site.yaml"
}

// choices reads the flags. What only spec can judge is left to spec.
func (in initFlags) choices(path string) (scaffold.Choices, error) {
	c := scaffold.Choices{
		Site: in.site, Public: in.public, Internal: in.internal, User: in.user,
		Command: strings.Fields(in.command), Migrate: strings.Fields(in.migrate),
		Database: in.database, Packages: in.packages,
	}
	var err error
	if in.size != "" {
		if c.Size, err = scaffold.SizeOf(in.size); err != nil {
			return c, usage{"--size: " + err.Error(), "scaleup init --help says what each is"}
		}
	}
	if c.Addresses, err = addressesOf(in.servers); err != nil {
		return c, err
	}
	if err := in.fitting(c); err != nil {
		return c, err
	}
	for _, folder := range []struct {
		told  string
		field *string
	}{{in.static, &c.Static}, {in.release, &c.Release}} {
		if *folder.field, err = besideFile(path, folder.told); err != nil {
			return c, err
		}
	}
	c = c.Complete()
	if err := c.Missing(); err != nil {
		return c, usage{"--server: " + err.Error(), "say --server NAME=ADDRESS for each server, or choose another --size"}
	}
	return c, nil
}

// fitting refuses flags that contradict one another.
func (in initFlags) fitting(c scaffold.Choices) error {
	if !c.InLab() {
		switch {
		case in.lab:
			return usage{"--lab and --server contradict each other", "leave one out: the lab makes its servers itself"}
		case in.public == "" || in.internal == "":
			return usage{"servers with addresses need --vip-public and --vip-internal", "say two free addresses in the network of the load balancers"}
		case in.packages == "":
			return usage{"servers with addresses need --packages", "say debian-sid, or installed when MySQL is there already"}
		}
		return nil
	}
	for name, value := range map[string]string{"--vip-public": in.public, "--vip-internal": in.internal, "--ssh-user": in.user} {
		if value != "" {
			return usage{name + " is for servers with addresses", "say --server NAME=ADDRESS for each of them, or leave it out"}
		}
	}
	return nil
}

// addressesOf reads NAME=ADDRESS pairs.
func addressesOf(pairs []string) (map[string]string, error) {
	addresses := map[string]string{}
	for _, pair := range pairs {
		name, address, ok := strings.Cut(pair, "=")
		if !ok || name == "" || address == "" {
			return nil, usage{fmt.Sprintf("--server: %q is not NAME=ADDRESS", pair), "such as --server lb1=192.0.2.21"}
		}
		if other, twice := addresses[name]; twice {
			return nil, usage{fmt.Sprintf("--server: %s has two addresses, %s and %s", name, other, address), "leave one out"}
		}
		addresses[name] = address
	}
	return addresses, nil
}

// besideFile turns a path that starts here, as in a shell, into one that starts at the
// site file, as in the file. An empty path stays empty.
func besideFile(file, path string) (string, error) {
	if path == "" || filepath.IsAbs(path) || strings.HasPrefix(path, "~") {
		return path, nil
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return "", fmt.Errorf("find the folder of %s: %w", file, err)
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", path, err)
	}
	relative, err := filepath.Rel(dir, whole)
	if err != nil {
		return "", fmt.Errorf("find the way from %s to %s: %w", dir, whole, err)
	}
	if !strings.HasPrefix(relative, ".") {
		relative = "./" + relative
	}
	return relative, nil
}

// asUsage makes the first thing that is wrong with a file that is not written yet a
// mistake in how init was called: there are no lines to point at.
func asUsage(err error) error {
	var problems spec.Errors
	if !errors.As(err, &problems) {
		return err
	}
	return usage{problems[0].Reason, problems[0].Hint}
}

func isThere(path string) error {
	return hinted{fmt.Errorf("%s is there already", path), "--force replaces it, --output writes another file"}
}

// writeNew writes a file; one that is there is only replaced by force.
func writeNew(path string, text []byte, force bool) error {
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(path, mode, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return isThere(path)
	case errors.Is(err, fs.ErrNotExist):
		return hinted{fmt.Errorf("write the site file: %w", err), "make the folder first: mkdir -p " + filepath.Dir(path)}
	case err != nil:
		return fmt.Errorf("write the site file: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the site file: %w", err)
	}
	return nil
}

// printInit says what was written, what is still to be made, and what to do next.
func (o *options) printInit(path string, c scaffold.Choices, missing spec.Errors) error {
	next := nextCommands(path, c.InLab())
	if o.json {
		type gap struct {
			Reason string `json:"reason"`
			Hint   string `json:"hint"`
		}
		gaps := make([]gap, len(missing))
		for i, p := range missing {
			gaps[i] = gap{p.Reason, p.Hint}
		}
		return writeJSON(o.out, map[string]any{"schema": 1, "file": path, "servers": c.Size.Names(), "missing": gaps, "next": next})
	}
	fmt.Fprintf(o.out, "%s: %s on %s\n", path, c.Site, c.Size)
	if c.Schema != "" {
		fmt.Fprintf(o.out, "%s: for editors that check the file as one types\n", filepath.Join(filepath.Dir(path), c.Schema))
	}
	if len(missing) > 0 {
		fmt.Fprintf(o.out, "\nStill to be made, before the first command below:\n")
	}
	for _, p := range missing {
		fmt.Fprintf(o.out, "  %s\n    %s\n", p.Reason, p.Hint)
	}
	fmt.Fprintf(o.out, "\nNext:\n")
	for _, command := range next {
		fmt.Fprintf(o.out, "  %s\n", command)
	}
	return nil
}

// nextCommands are what one does with a new site file, in order.
func nextCommands(path string, inLab bool) []string {
	file := ""
	if path != "site.yaml" {
		file = " -f " + path
	}
	if inLab {
		return []string{"scaleup check" + file, "scaleup up" + file, "scaleup status" + file, "scaleup drill --list" + file}
	}
	return []string{"scaleup doctor" + file, "scaleup plan" + file, "scaleup up" + file, "scaleup status" + file}
}
