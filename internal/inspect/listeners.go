package inspect

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// socket is a listening socket as the kernel lists it.
type socket struct {
	at    netip.AddrPort
	inode string
}

// listeners reads the kernel's lists, and finds the programs by the files they have
// open, as ss does. Sockets that a program shares with itself (worker processes, or one
// socket for each) are told once.
func (s server) listeners() ([]Listen, error) {
	var sockets []socket
	for _, list := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(s.path(list))
		if errors.Is(err, fs.ErrNotExist) && list == "/proc/net/tcp6" {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, err
		}
		found, err := parseSockets(string(content))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", list, err)
		}
		sockets = append(sockets, found...)
	}
	programs, err := s.owners(sockets)
	if err != nil {
		return nil, err
	}
	var listeners []Listen
	for _, k := range sockets {
		listeners = append(listeners, Listen{At: k.at, Program: programs[k.inode]})
	}
	slices.SortFunc(listeners, func(a, b Listen) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Program, b.Program))
	})
	return slices.Compact(listeners), nil
}

const stateListen = "0A" // TCP_LISTEN of linux/tcp_states.h

// parseSockets reads /proc/net/tcp or tcp6: the listening sockets without those of
// loopback. The kernel lists them first, so that the thousands of connections behind
// them are not looked at.
func parseSockets(text string) ([]socket, error) {
	const address, state, inode = 1, 3, 9 // fields, the first is the line's number
	var found []socket
	first := true
	for line := range strings.Lines(text) {
		if first {
			first = false // the names of the columns
			continue
		}
		f := strings.Fields(line)
		if len(f) <= inode {
			return nil, fmt.Errorf("%q has too few fields", line)
		}
		if f[state] != stateListen {
			break
		}
		at, err := parseSocketAddress(f[address])
		if err != nil {
			return nil, err
		}
		if !at.Addr().IsLoopback() {
			found = append(found, socket{at, f[inode]})
		}
	}
	return found, nil
}

// parseSocketAddress reads 0B004D0A:1F90 as 10.77.0.11:8080. The address is made of
// words of four bytes, each in the processor's order; all that scaleup runs on put the
// lowest byte first. The port is a plain number.
func parseSocketAddress(text string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(text, ":")
	octets, err := hex.DecodeString(address)
	if err != nil || len(octets)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address of a socket", text)
	}
	for word := range slices.Chunk(octets, 4) {
		slices.Reverse(word)
	}
	ip, ok := netip.AddrFromSlice(octets)
	number, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address of a socket", text)
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), nil
}

// owners are the names of the programs that have the sockets open, by inode. The oldest
// process counts: it is the one that started the others. The service manager counts where
// it is the only one: it keeps sockets for services. Processes may end meanwhile.
func (s server) owners(sockets []socket) (map[string]string, error) {
	wanted := map[string]string{} // inode by what the link of a file descriptor says
	for _, k := range sockets {
		wanted["socket:["+k.inode+"]"] = k.inode
	}
	pids, err := s.processes()
	if err != nil {
		return nil, err
	}
	programs := map[string]string{}
	for _, pid := range pids {
		if len(programs) == len(wanted) {
			break
		}
		folder := s.path("/proc/" + strconv.Itoa(pid))
		files, err := os.ReadDir(filepath.Join(folder, "fd"))
		if err != nil {
			continue
		}
		for _, file := range files {
			link, err := os.Readlink(filepath.Join(folder, "fd", file.Name()))
			if err != nil {
				continue
			}
			inode, ok := wanted[link]
			if !ok || programs[inode] != "" {
				continue
			}
			if name, err := os.ReadFile(filepath.Join(folder, "comm")); err == nil {
				programs[inode] = strings.TrimSpace(string(name))
			}
		}
	}
	return programs, nil
}

// processes are the numbers of all, in ascending order but for the service manager, which
// comes last.
func (s server) processes() ([]int, error) {
	entries, err := os.ReadDir(s.path("/proc"))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	if len(pids) > 0 && pids[0] == 1 {
		pids = append(pids[1:], 1)
	}
	return pids, nil
}
