package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"strings"
)

// Network interface names have at most 15 characters.
const interfaceNameMax = 15

func shortHash(s string, digits int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:digits]
}

// bridgeName names a lab's bridge: su-<lab>, with a hash in place of the end of
// long names.
func bridgeName(lab string) string {
	name := "su-" + lab
	if len(name) <= interfaceNameMax {
		return name
	}
	return name[:interfaceNameMax-5] + "-" + shortHash(lab, 4)
}

// bridgeMAC is a locally administered hardware address.
func bridgeMAC(lab string) string {
	sum := sha256.Sum256([]byte(lab))
	return net.HardwareAddr{0x02, 's', 'u', sum[0], sum[1], sum[2]}.String()
}

// nspawnName is what systemd-nspawn calls a machine. It is unique on the
// computer, and so short that the interface nspawn makes of it, "vb-" + name,
// is not shortened again: vb-web1-4f0c2a.
func nspawnName(lab, server string) string {
	const hashed = 6
	const room = interfaceNameMax - len("vb-") - len("-") - hashed
	start := strings.TrimRight(server[:min(len(server), room)], "-")
	return start + "-" + shortHash(lab+"/"+server, hashed)
}

// hostInterface is the operator's end of a machine's network cable.
func hostInterface(lab, server string) string { return "vb-" + nspawnName(lab, server) }

// ownerAlias marks a bridge as the lab's. The folder is part of it, since two
// folders may hold labs of one name.
func ownerAlias(lab, dir string) string { return "scaleup:" + lab + ":" + dir }
