package main

import (
	"context"
	"errors"
	"strings"
)

const lifecycle = "The life of a site: nine servers in the lab"

func (b *bench) lifecycle() *group {
	g := b.report.group(lifecycle)
	g.note("Wall time of the command, measured from outside. `up` ends when every server, address, database member and health check agrees.")
	return g
}

// cold measures up from nothing but the host's packages: layers are built from
// the package mirror each time.
func (b *bench) cold(ctx context.Context) error {
	times, err := b.repeat("cold up", func() (float64, error) {
		if err := errors.Join(b.lab.purge(ctx), b.lab.wipe()); err != nil {
			return 0, err
		}
		return b.lab.timed(ctx, "up")
	})
	if err != nil {
		return err
	}
	g := b.lifecycle()
	g.note("Cold: no layers, so it includes downloading and installing a Debian base system and the packages of four roles, and depends on the package mirror.")
	g.add(figure{what: "cold `up`: no layers, no data", unit: seconds, samples: times, target: atMost(60),
		yardstick: "debootstrap of one base system alone: 37 s"})
	return nil
}

// warm measures up with layers and no data. The first up is not measured: it
// may have to build the layers.
func (b *bench) warm(ctx context.Context) error {
	if _, err := b.lab.run(ctx, "up"); err != nil {
		return err
	}
	times, err := b.repeat("warm up", func() (float64, error) {
		if err := b.lab.purge(ctx); err != nil {
			return 0, err
		}
		return b.lab.timed(ctx, "up")
	})
	if err != nil {
		return err
	}
	b.lifecycle().add(figure{what: "warm `up`: layers, no data", unit: seconds, samples: times, target: atMost(12),
		yardstick: "booting eight machines until SSH answers: 2.8 s; three empty MySQL into a group: 11 s"})
	return nil
}

// downAndUp measures the evening and the morning.
func (b *bench) downAndUp(ctx context.Context) error {
	if _, err := b.lab.run(ctx, "up"); err != nil {
		return err
	}
	var ups []float64
	downs, err := b.repeat("down", func() (float64, error) {
		down, err := b.lab.timed(ctx, "down")
		if err != nil {
			return 0, err
		}
		up, err := b.lab.timed(ctx, "up")
		ups = append(ups, up)
		return down, err
	})
	if err != nil {
		return err
	}
	g := b.lifecycle()
	g.add(figure{what: "`down`, the data stays", unit: seconds, samples: downs, target: atMost(3)})
	g.add(figure{what: "`up` after `down`, with data", unit: seconds, samples: ups})
	return nil
}

// steady measures the commands on a site that is as it should be.
func (b *bench) steady(ctx context.Context) error {
	if _, err := b.lab.run(ctx, "up"); err != nil {
		return err
	}
	for _, c := range []struct {
		command, what, yardstick string
		target                   target
	}{
		{"apply", "`apply` with nothing to do", "Ansible with nothing to do, 11 tasks on nine servers, pipelining: 33 s", atMost(1)},
		{"plan", "`plan` with nothing to do", "", target{}},
		{"status", "`status`", "", atMost(0.5)},
		{"check", "`check`", "", atMost(3)},
		{"explain --all", "`explain --all`", "", atMost(3)},
		{"graph", "`graph`", "", atMost(1)},
		{"doctor", "`doctor`", "", target{}},
	} {
		times, err := b.repeat(c.command, func() (float64, error) { return b.lab.timed(ctx, strings.Fields(c.command)...) })
		if err != nil {
			return err
		}
		b.lifecycle().add(figure{what: c.what, unit: seconds, samples: times, target: c.target, yardstick: c.yardstick})
	}
	return nil
}
