package main

import (
	"context"

	"scaleup/internal/evidence"
	"scaleup/internal/inspect"
	"scaleup/internal/topology"
)

// look takes one look at the running site. A server that is off or silent is part of it.
func (op *operation) look(ctx context.Context, ask func(topology.Server) inspect.Ask) (evidence.Look, error) {
	reach, err := op.connectTo(ctx, op.topology.Servers, func() (connector, error) { return op.impatient() })
	if err != nil {
		return evidence.Look{}, err
	}
	ca, err := op.authority()
	if err != nil {
		return evidence.Look{}, err
	}
	return evidence.Take(ctx, op.topology, ca, reach, ask), nil
}
