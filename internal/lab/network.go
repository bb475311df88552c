package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"scaleup/internal/topology"
)

// ensureBridge makes the lab's bridge with the operator's address, or takes the
// one that is there when it is this lab's.
func (l *Lab) ensureBridge(ctx context.Context) error {
	name := bridgeName(l.name)
	if err := l.checkBridge(name); err != nil {
		return err
	}
	address := netip.PrefixFrom(topology.Gateway(l.subnet), l.subnet.Bits()).String()
	if _, err := net.InterfaceByName(name); err == nil {
		if bridgeHas(name, address) {
			_, err := run(ctx, "ip", "link", "set", name, "up")
			return err
		}
		// The lab's subnet has changed, or a run died half way.
		if err := l.removeBridge(ctx); err != nil {
			return err
		}
	}
	if err := l.checkSubnet(name); err != nil {
		return err
	}
	// The mark comes right after the bridge, before the address: a bridge of
	// ours without a mark is an empty one, see unmarked.
	//
	// A bridge without an address of its own takes the lowest of its ports', so
	// it would change as machines come and go, and those that remembered it
	// would talk into the void for a while.
	for _, argv := range [][]string{
		{"ip", "link", "add", name, "address", bridgeMAC(l.name), "type", "bridge", "stp_state", "0", "forward_delay", "0"},
		{"ip", "link", "set", name, "alias", ownerAlias(l.name, l.dir)},
		{"ip", "link", "set", name, "addrgenmode", "none"},
		{"ip", "address", "add", address, "dev", name},
		{"ip", "link", "set", name, "up"},
	} {
		if _, err := run(ctx, argv...); err != nil {
			return fmt.Errorf("make bridge %s: %w", name, err)
		}
	}
	return l.askFaster(name)
}

// askFaster lets the computer repeat an unanswered question for a neighbour's
// hardware address after 100 ms instead of 1 s. Every machine that boots is
// called before it is there.
func (l *Lab) askFaster(bridge string) error {
	file := filepath.Join("/proc/sys/net/ipv4/neigh", bridge, "retrans_time_ms")
	if err := os.WriteFile(file, []byte("100"), 0); err != nil {
		return fmt.Errorf("set up bridge %s: %w", bridge, err)
	}
	return nil
}

// removeBridge removes the lab's bridge, if it is there and the lab's.
func (l *Lab) removeBridge(ctx context.Context) error {
	name := bridgeName(l.name)
	if _, err := net.InterfaceByName(name); err != nil {
		return nil
	}
	if err := l.checkBridge(name); err != nil {
		return err
	}
	if _, err := run(ctx, "ip", "link", "delete", name); err != nil {
		if _, gone := net.InterfaceByName(name); gone != nil {
			return nil
		}
		return fmt.Errorf("remove bridge %s: %w", name, err)
	}
	return nil
}

func bridgeHas(name, address string) bool {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return false
	}
	addresses, err := i.Addrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if a.String() == address {
			return true
		}
	}
	return false
}

// checkBridge refuses an interface of the bridge's name that is not this lab's.
// A lab whose folder is gone has no other owner: it is taken over.
func (l *Lab) checkBridge(name string) error {
	alias, err := os.ReadFile(filepath.Join("/sys/class/net", name, "ifalias"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read owner of interface %s: %w", name, err)
	}
	owner := strings.TrimSpace(string(alias))
	if owner == ownerAlias(l.name, l.dir) || owner == "" && unmarked(name) {
		return nil
	}
	dir, ours := strings.CutPrefix(owner, "scaleup:"+l.name+":")
	if !ours {
		return &Problem{
			Reason: fmt.Sprintf("network interface %s is there already and was not made for lab %s", name, l.name),
			Fix:    "give the lab another name (lab.name in the site file), or remove the interface: ip link delete " + name,
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "labs", l.name)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return &Problem{
		Reason: fmt.Sprintf("lab %s is already up, from the folder %s", l.name, dir),
		Fix:    fmt.Sprintf("use it with --lab-dir %s, or give this lab another name", dir),
	}
}

// unmarked reports whether an interface is a bridge with neither address nor
// ports, as a run leaves it that was killed between making and marking it.
func unmarked(name string) bool {
	ports, err := os.ReadDir(filepath.Join("/sys/class/net", name, "brif"))
	if err != nil || len(ports) > 0 {
		return false
	}
	i, err := net.InterfaceByName(name)
	if err != nil {
		return false
	}
	addresses, err := i.Addrs()
	return err == nil && !slices.ContainsFunc(addresses, func(a net.Addr) bool { return !strings.HasPrefix(a.String(), "fe80:") })
}

// checkSubnet refuses a subnet that this computer already reaches in another way.
func (l *Lab) checkSubnet(bridge string) error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("list network interfaces: %w", err)
	}
	for _, i := range interfaces {
		if i.Name == bridge {
			continue
		}
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Overlaps(l.subnet) {
				return l.subnetTaken(fmt.Sprintf("by %s of %s", p, whose(i.Name)))
			}
		}
	}
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return fmt.Errorf("read routes: %w", err)
	}
	for _, r := range parseRoutes(string(routes)) {
		if r.device != bridge && r.to.Bits() > 0 && r.to.Overlaps(l.subnet) {
			return l.subnetTaken(fmt.Sprintf("by the route to %s through %s", r.to, whose(r.device)))
		}
	}
	return nil
}

func (l *Lab) subnetTaken(by string) error {
	return &Problem{
		Reason: fmt.Sprintf("the lab's subnet %s is taken %s", l.subnet, by),
		Fix:    "choose another for the lab, such as lab: {name: " + l.name + ", subnet: 10.83.0.0/24}, or take the other one down",
	}
}

// whose names an interface, as a lab if it is one's.
func whose(device string) string {
	alias, _ := os.ReadFile(filepath.Join("/sys/class/net", device, "ifalias"))
	if rest, ok := strings.CutPrefix(strings.TrimSpace(string(alias)), "scaleup:"); ok {
		lab, _, _ := strings.Cut(rest, ":")
		return "lab " + lab
	}
	return "interface " + device
}

// linked reports whether a machine's cable is plugged into the lab's bridge.
func (l *Lab) linked(server string) bool {
	master, err := os.Readlink(filepath.Join("/sys/class/net", hostInterface(l.name, server), "master"))
	return err == nil && filepath.Base(master) == bridgeName(l.name)
}

// cut reports whether a machine's cable has been cut.
func (l *Lab) cut(server string) bool {
	i, err := net.InterfaceByName(hostInterface(l.name, server))
	return err == nil && i.Flags&net.FlagUp == 0
}

func (l *Lab) setCable(ctx context.Context, server, state string) error {
	if _, err := run(ctx, "ip", "link", "set", hostInterface(l.name, server), state); err != nil {
		return fmt.Errorf("set cable of machine %s %s: %w", server, state, err)
	}
	return nil
}

// States of a bridge's port (linux/if_bridge.h).
const (
	portDisabled   = "0"
	portForwarding = "3"
)

// setPort opens or closes the bridge's port of a machine. Unlike a cut cable, a
// closed port is nothing the machine can see.
func (l *Lab) setPort(ctx context.Context, server string, open bool) error {
	state := portDisabled
	if open {
		state = portForwarding
	}
	if _, err := run(ctx, "ip", "link", "set", "dev", hostInterface(l.name, server), "type", "bridge_slave", "state", state); err != nil {
		return fmt.Errorf("set the bridge port of machine %s to state %s: %w", server, state, err)
	}
	return nil
}

// removeCable removes what a machine that was killed may have left of its cable.
func (l *Lab) removeCable(ctx context.Context, server string) {
	if name := hostInterface(l.name, server); l.linked(server) {
		_, _ = run(ctx, "ip", "link", "delete", name)
	}
}
