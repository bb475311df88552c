package lbagent

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// pressureFile is where the kernel tells for how long programs of this machine have
// waited for a processor (PSI, Linux 4.20).
const pressureFile = "/proc/pressure/cpu"

// starving is the share of a probe in which some program waited for a processor, from
// which on its slowness says nothing about HAProxy.
const starving = 0.8

// waited is for how long some program has waited for a processor since the machine was
// started.
func waited(file string) (time.Duration, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("read the processors' pressure: %w", err)
	}
	return parsePressure(string(text))
}

// parsePressure reads the line "some avg10=… total=…" of a pressure file, whose total
// is in microseconds.
func parsePressure(text string) (time.Duration, error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "some" {
			continue
		}
		total, found := strings.CutPrefix(fields[len(fields)-1], "total=")
		if us, err := strconv.ParseInt(total, 10, 64); found && err == nil {
			return time.Duration(us) * time.Microsecond, nil
		}
	}
	return 0, fmt.Errorf("no total time in the processors' pressure %q", text)
}

// starved reports whether programs waited for a processor for most of a probe.
func starved(waited, probe time.Duration) bool {
	return float64(waited) >= starving*float64(probe)
}
