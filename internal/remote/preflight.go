package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"scaleup/internal/facts"
	"scaleup/internal/kernel"
	"scaleup/internal/resource"
)

// PreflightAsk asks what has to be known of a server before scaleup changes it.
// Nothing is changed by the answer, and what is not asked for costs nothing.
type PreflightAsk struct {
	Address  netip.Addr   `json:"address"`            // the server's own, in the site
	Packages []string     `json:"packages,omitempty"` // Debian packages it needs: which are missing
	Lists    bool         `json:"lists,omitempty"`    // and what apt would install of those; takes a second or two when there are any
	Kernel   []string     `json:"kernel,omitempty"`   // what its kernel must be able to do: see Kernel…
	Data     string       `json:"data,omitempty"`     // database: the data directory: may it be used
	Echo     []netip.Addr `json:"echo,omitempty"`     // servers that are sent packets of full size, 0.6 s at most
	VRRP     *VRRPAsk     `json:"vrrp,omitempty"`     // load balancer: hear the others
}

// What a kernel must be able to do.
const (
	KernelFilter   = "nf_tables"        // the packet filter
	KernelTrack    = "nf_conntrack"     // which the filter's rules ask whose connection a packet belongs to
	KernelNonlocal = "ip_nonlocal_bind" // a setting: listen on addresses that another server holds
)

// Preflight answers a PreflightAsk.
type Preflight struct {
	Missing map[string]string `json:"missing,omitempty"` // by package that is not installed: the version apt would install, "" when its lists have none
	Kernel  map[string]Part   `json:"kernel,omitempty"`  // by what was asked for
	Data    string            `json:"data,omitempty"`    // why the data directory must not be used, and the way out; "": it may be
	MTU     int               `json:"mtu,omitempty"`     // bytes, of the interface with the server's address; 0: no interface has it
	Paths   []Path            `json:"paths,omitempty"`   // of Echo
	Heard   []netip.Addr      `json:"heard,omitempty"`   // of VRRP: those whose packets arrived
	Errors  map[string]string `json:"errors,omitempty"`  // why, by the JSON name of what could not be read
}

// Part is whether a kernel can do something, and why not.
type Part struct {
	Has kernel.Has `json:"has"`
	Why string     `json:"why,omitempty"`
}

func (s *Server) preflight(ctx context.Context, q Request, p *Response) error {
	ask := q.Preflight
	if ask == nil {
		return nil
	}
	r := &Preflight{Errors: map[string]string{}}
	p.Preflight = r
	note := func(what string, err error) {
		if err != nil {
			r.Errors[what] = err.Error()
		}
	}
	var err error
	r.Missing, err = s.missing(ctx, ask.Packages, ask.Lists)
	note("missing", err)
	if len(ask.Kernel) > 0 {
		r.Kernel = map[string]Part{}
		for _, name := range ask.Kernel {
			r.Kernel[name] = s.kernelPart(ctx, name)
		}
	}
	if ask.Data != "" {
		if _, err := (&resource.MySQLData{Path: ask.Data}).Observe(ctx, s.System); err != nil {
			r.Data = err.Error()
		}
	}
	if ask.Address.IsValid() {
		r.MTU, err = mtuOf(ask.Address)
		note("mtu", err)
	}
	if len(ask.Echo) > 0 && r.MTU > 0 {
		r.Paths, err = probePaths(ctx, ask.Address, r.MTU, ask.Echo)
		note("paths", err)
	}
	if ask.VRRP != nil {
		r.Heard, err = ask.VRRP.exchange(ctx, ask.Address)
		note("heard", err)
	}
	return nil
}

// missing are those of the packages that are not installed.
func (s *Server) missing(ctx context.Context, names []string, lists bool) (map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	installed, err := resource.InstalledPackages(s.System)
	if err != nil {
		return nil, err
	}
	missing := map[string]string{}
	argv := []string{"apt-cache", "policy"}
	for _, name := range names {
		if installed[name] == "" {
			missing[name] = ""
			argv = append(argv, name)
		}
	}
	if len(missing) == 0 || !lists {
		return missing, nil
	}
	out, err := s.System.Run(ctx, resource.Command{Argv: argv})
	if err != nil {
		return missing, fmt.Errorf("ask apt for packages: %w", err)
	}
	for name, version := range facts.ParsePolicy(string(out)) {
		if _, wanted := missing[name]; wanted {
			missing[name] = version
		}
	}
	return missing, nil
}

// kernelPart finds out whether the kernel can do something, without doing it.
func (s *Server) kernelPart(ctx context.Context, name string) Part {
	switch name {
	case KernelFilter:
		return s.filter(ctx)
	case KernelTrack:
		// The setting is there once the module is.
		if _, err := os.Stat(filepath.Join(s.System.Root, "proc/sys/net/netfilter/nf_conntrack_max")); err == nil {
			return Part{Has: kernel.Yes}
		}
		return Part{Has: kernel.Module(s.System.Root, name)}
	case KernelNonlocal:
		return s.settable("net/ipv4/ip_nonlocal_bind")
	}
	return Part{Has: kernel.Unknown, Why: "this scaleup does not know how to find out"}
}

// filter asks the packet filter itself where its program is installed, which is sure;
// before that, the lists of modules.
func (s *Server) filter(ctx context.Context) Part {
	for _, dir := range []string{"usr/sbin", "sbin", "usr/bin"} {
		if _, err := os.Stat(filepath.Join(s.System.Root, dir, "nft")); err != nil {
			continue
		}
		if _, err := s.System.Run(ctx, resource.Command{Argv: []string{"nft", "list", "tables"}}); err != nil {
			return Part{Has: kernel.No, Why: err.Error()}
		}
		return Part{Has: kernel.Yes}
	}
	return Part{Has: kernel.Module(s.System.Root, KernelFilter)}
}

// settable reports whether a kernel setting is there and may be written. It is opened
// for writing, and nothing is written.
func (s *Server) settable(setting string) Part {
	file, err := os.OpenFile(filepath.Join(s.System.Root, "proc/sys", setting), os.O_WRONLY, 0)
	if err != nil {
		return Part{Has: kernel.No, Why: err.Error()}
	}
	file.Close()
	return Part{Has: kernel.Yes}
}

// mtuOf is the MTU of the interface that has an address.
func mtuOf(address netip.Addr) (int, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return 0, err
	}
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil {
			return 0, err
		}
		has := slices.ContainsFunc(addresses, func(a net.Addr) bool {
			p, err := netip.ParsePrefix(a.String())
			return err == nil && p.Addr() == address
		})
		if has {
			return i.MTU, nil
		}
	}
	return 0, errors.New("no interface has the address " + address.String())
}
