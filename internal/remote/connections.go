package remote

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// connections are the TCP connections to some ports of one address of this machine.
type connections struct {
	arriving int // under way to a listener: in the handshake, or not accepted yet
	open     int // over which something can still arrive, or is still to be delivered
}

// The kernel's states, as /proc/net/tcp writes them.
const (
	stateListen  = "0A"
	stateSynRecv = "03"
)

// openStates are ESTABLISHED, SYN_RECV, FIN_WAIT1, CLOSE_WAIT, LAST_ACK and CLOSING.
// In the others (FIN_WAIT2, TIME_WAIT) both sides have said and got all there was.
var openStates = []string{"01", stateSynRecv, "04", "08", "09", "0B"}

// parseConnections reads the content of /proc/net/tcp:
//
//	sl  local_address rem_address   st tx_queue rx_queue …
//	 0: 0A004D0A:01BB 00000000:0000 0A 00000000:00000002 …
//
// Of a listener, rx_queue is how many connections wait to be accepted.
func parseConnections(table []byte, address netip.Addr, ports []uint16) (connections, error) {
	var c connections
	header, rest, _ := bytes.Cut(table, []byte("\n"))
	if !bytes.Contains(header, []byte("local_address")) {
		return c, fmt.Errorf("read the open connections: %.40q is not the header of /proc/net/tcp", header)
	}
	var locals []string
	for _, port := range ports {
		locals = append(locals, localAddress(address, port))
	}
	for line := range bytes.Lines(rest) {
		f := bytes.Fields(line)
		if len(f) < 5 {
			return c, errors.New("read the open connections: a line of /proc/net/tcp is cut off")
		}
		local, state := string(f[1]), string(f[3])
		switch {
		case !slices.Contains(locals, local):
		case state == stateListen:
			waiting, err := waiting(f[4])
			if err != nil {
				return c, err
			}
			c.arriving += waiting
		case slices.Contains(openStates, state):
			c.open++
			if state == stateSynRecv {
				c.arriving++
			}
		}
	}
	return c, nil
}

// localAddress is an address as /proc/net/tcp writes it: the four bytes as one
// number of the machine's own order.
func localAddress(address netip.Addr, port uint16) string {
	four := address.As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(four[:]), port)
}

// waiting is the second of a line's two queues.
func waiting(queues []byte) (int, error) {
	_, received, _ := bytes.Cut(queues, []byte(":"))
	n, err := strconv.ParseInt(string(received), 16, 32)
	if err != nil {
		return 0, fmt.Errorf("read the open connections: queues %q: %w", queues, err)
	}
	return int(n), nil
}
