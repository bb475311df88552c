package check

import "scaleup/internal/evidence"

var memory = kind{id: "memory", why: "when memory runs out the kernel kills the largest program, which is the database or the application"}

// memoryLow is how much memory, in percent, has to be available to programs.
const memoryLow = 10

// memories looks at what programs can still get.
func memories(l evidence.Look) []Finding {
	var found []Finding
	for _, s := range l.Topology.Servers {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		if free := percent(r.Memory.Available, r.Memory.Total); free < memoryLow {
			found = append(found, memory.found(Warning, s.Name, "see what takes it: "+on(l.Topology, s.Name, "systemd-cgtop --batch --iterations=1 --order=memory"),
				"%.0f %% (%s of %s) of its memory is available", free, gigabytes(r.Memory.Available), gigabytes(r.Memory.Total)))
		}
	}
	return found
}
