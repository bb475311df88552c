package check

import "scaleup/internal/topology"

var openSSH = kind{id: "ssh-open", why: "the SSH servers answer whoever scans the internet: a hole in them, or a key that got lost, is all it takes"}

// sshFromAnywhere remarks on real servers whose SSH nobody is kept from.
func sshFromAnywhere(t *topology.Topology) []Finding {
	if t.InLab() {
		return nil
	}
	for _, p := range t.Site.SSH.Allow {
		if p.Bits() == 0 {
			return []Finding{openSSH.found(Info, "", "name your own networks in ssh.allow of "+t.Site.File+"; then: "+converge(t), "SSH is allowed from everywhere (%s)", p)}
		}
	}
	return nil
}
