// Package doctor judges, from what was read of them, whether this computer and the
// servers of a site are fit for what scaleup is going to do. It is pure: it says what to
// ask and what the answers mean; asking and mending is for others.
package doctor

import (
	"fmt"
	"slices"
)

// Result of a check, from good to bad.
type Result string

// The results. A warning is something to know or to mend some day; up works with it.
const (
	Pass Result = "pass"
	Warn Result = "warn"
	Fail Result = "fail"
)

// Check is one thing that was looked at.
type Check struct {
	ID      string `json:"id"`
	Server  string `json:"server"` // "" is this computer
	Result  Result `json:"result"`
	Message string `json:"message"` // one sentence: what is, with figures
	Fix     string `json:"fix"`     // what to do; "" with a pass
	Fatal   bool   `json:"fatal"`   // up and apply stop before they have changed anything
	Fixable bool   `json:"fixable"` // doctor --fix can do it
}

// IDs of the checks that can be Fixable, for who fixes them.
const (
	IDTools    = "lab-tools"
	IDKeyMode  = "ssh-key-mode"
	IDState    = "state-folder"
	IDNonlocal = "sysctl"
)

func passed(id, server, format string, args ...any) Check {
	return Check{ID: id, Server: server, Result: Pass, Message: fmt.Sprintf(format, args...)}
}

func warned(id, server, fix, format string, args ...any) Check {
	return Check{ID: id, Server: server, Result: Warn, Fix: fix, Message: fmt.Sprintf(format, args...)}
}

func failed(id, server, fix, format string, args ...any) Check {
	return Check{ID: id, Server: server, Result: Fail, Fix: fix, Message: fmt.Sprintf(format, args...)}
}

// fatal makes a failed check one that stops up and apply.
func fatal(c Check) Check {
	c.Fatal = c.Result == Fail
	return c
}

// Fatal are the checks that stop up and apply.
func Fatal(checks []Check) []Check {
	return slices.DeleteFunc(slices.Clone(checks), func(c Check) bool { return !c.Fatal })
}

// Count is how many checks have a result.
func Count(checks []Check, r Result) int {
	n := 0
	for _, c := range checks {
		if c.Result == r {
			n++
		}
	}
	return n
}

// hintOf is the way out that an error knows, or else another one.
func hintOf(err error, otherwise string) string {
	if h, ok := err.(interface{ Hint() string }); ok && h.Hint() != "" {
		return h.Hint()
	}
	return otherwise
}

// megabytes rounds down, as what is free should be.
func megabytes(bytes int64) int64 { return bytes >> 20 }
