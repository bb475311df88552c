package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"scaleup/internal/facts"
	"scaleup/internal/resource"
)

// readable are the configurations that may be sent: those without a secret. Whoever may
// ask is root here anyway; this keeps a mistake from putting a password into a report.
var readable = []string{
	"/etc/haproxy/haproxy.cfg", "/etc/keepalived/keepalived.conf", "/etc/nginx/nginx.conf", "/etc/mysql/my.cnf",
}

// configs are the texts by path, without those that are not there.
func (s server) configs(paths []string) (map[string]string, error) {
	texts := map[string]string{}
	var errs []error
	for _, p := range paths {
		if !slices.Contains(readable, p) {
			errs = append(errs, fmt.Errorf("%s is not read: only %s are", p, strings.Join(readable, ", ")))
			continue
		}
		content, err := os.ReadFile(s.path(p))
		switch {
		case err == nil:
			texts[p] = string(content)
		case !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, err)
		}
	}
	return texts, errors.Join(errs...)
}

func (s server) failed(ctx context.Context) ([]string, error) {
	out, err := s.output(ctx, "systemctl", "list-units", "--failed", "--plain", "--no-legend")
	if err != nil {
		return nil, err
	}
	return parseUnits(out), nil
}

// parseUnits are the names in a plain list of systemctl.
func parseUnits(out string) []string {
	var names []string
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 0 {
			names = append(names, fields[0])
		}
	}
	return names
}

func (s server) rules(ctx context.Context) (string, error) {
	return s.output(ctx, "nft", "list", "table", "inet", "scaleup")
}

// packages asks apt once for all; it looks into its lists, not into the network.
func (s server) packages(ctx context.Context, names []string) (map[string]Versions, error) {
	installed, err := resource.InstalledPackages(s.System)
	if err != nil {
		return nil, err
	}
	out, err := s.output(ctx, append([]string{"apt-cache", "policy"}, names...)...)
	if err != nil {
		return nil, err
	}
	candidates := facts.ParsePolicy(out)
	versions := map[string]Versions{}
	for _, name := range names {
		versions[name] = Versions{Installed: installed[name], Candidate: candidates[name]}
	}
	return versions, nil
}
