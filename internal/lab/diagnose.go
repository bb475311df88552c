package lab

import "strings"

// diagnoseApt recognises what goes wrong outside scaleup. Nil: something else.
func diagnoseApt(said, mirror string) *Problem {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(said, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("No space left on device", "don't have enough free space"):
		return &Problem{Reason: "the disk is full: the package layers of the lab could not be built", Fix: "free some space, or keep labs on another disk with --lab-dir"}
	case has("Could not resolve", "Temporary failure resolving", "Could not connect", "Unable to connect", "Connection timed out", "connection timed out", "Connection failed", "Network is unreachable", "Connection refused", "Could not handshake"):
		return &Problem{Reason: "no answer from the package mirror " + mirror, Fix: "check the network, and mirror and proxy in /etc/apt: apt-get update must work on this computer"}
	case has("is expired", "not valid yet", "Release file for"):
		return &Problem{Reason: "the package lists of the mirror " + mirror + " are out of date", Fix: "check the clock of this computer; for a frozen mirror set Acquire::Check-Valid-Until \"false\" in /etc/apt/apt.conf.d"}
	case has("NO_PUBKEY", "is not signed", "signatures couldn't be verified", "signatures were invalid"):
		return &Problem{Reason: "the signature of the package mirror " + mirror + " could not be checked", Fix: "install debian-archive-keyring on this computer"}
	case has("Unable to locate package", "has no installation candidate", "404  Not Found"):
		return &Problem{Reason: "the package mirror " + mirror + " lacks a package the lab needs: " + aptErrors(said), Fix: "use a mirror that carries " + baseSuite + " and " + sidSuite + " in full"}
	}
	return nil
}

// aptErrors joins the lines apt marks as errors.
func aptErrors(said string) string {
	var lines []string
	for line := range strings.Lines(said) {
		if rest, ok := strings.CutPrefix(line, "E: "); ok && len(lines) < 3 {
			lines = append(lines, strings.TrimSpace(rest))
		}
	}
	return strings.Join(lines, "; ")
}
