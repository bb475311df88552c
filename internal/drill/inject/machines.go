package inject

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"scaleup/internal/drill/record"
)

// OnLab is an injection that the lab makes from outside, on whole machines at once.
// The ID must be new. Before anything is broken, the reaper starts a process that
// mends when the lease is over or this process has died.
func OnLab(machines Machines, action Action, servers []string, id string, lease time.Duration, reaper Reaper) Injection {
	return &onLab{machines: machines, action: action, servers: slices.Sorted(slices.Values(servers)), id: id, lease: lease, reaper: reaper, throttled: map[string]int{}}
}

type onLab struct {
	machines Machines
	action   Action
	servers  []string
	id       string
	lease    time.Duration
	reaper   Reaper

	throttled map[string]int // by server, before a limit was set
}

func (l *onLab) String() string { return l.action.words(l.servers) }

// Targets implements Injection.
func (l *onLab) Targets() []string { return slices.Clone(l.servers) }

// Inject implements Injection. It refuses machines that are off, or in the wanted
// condition already: healing would bring them into one in which they were not.
func (l *onLab) Inject(ctx context.Context) error {
	for _, s := range l.servers {
		c, err := l.machines.State(s)
		if err != nil {
			return err
		}
		if done, word := l.action.done(c); done || !c.On {
			if !c.On {
				word = "off"
			}
			return fmt.Errorf("%s: %s is %s already", l, s, word)
		}
		l.throttled[s] = c.Throttled
	}
	if err := l.reaper.watch(l.order()); err != nil {
		return fmt.Errorf("%s: %w", l, err)
	}
	return l.action.do(ctx, l.machines, l.servers...)
}

func (l *onLab) order() reaperOrder {
	return reaperOrder{
		ID: l.id, Lab: l.reaper.Lab, Action: l.action, Servers: l.servers,
		Deadline: time.Now().Add(l.lease), Drill: thisProcess(),
	}
}

// Bites implements Injection.
func (l *onLab) Bites(context.Context) (record.Proof, error) { return l.look(true) }

// Heal implements Injection. Without the reaper's file nothing was injected, or it
// was mended.
func (l *onLab) Heal(ctx context.Context) error {
	file := l.reaper.file(l.id)
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return heal(ctx, l.machines, l.order(), file)
}

// Healed implements Injection.
func (l *onLab) Healed(context.Context) (record.Proof, error) { return l.look(false) }

// look reads the condition of every machine. A machine that is off is not mended,
// whatever was broken.
func (l *onLab) look(broken bool) (record.Proof, error) {
	proof := record.Proof{OK: len(l.servers) > 0}
	var texts []string
	for _, s := range l.servers {
		c, err := l.machines.State(s)
		if err != nil {
			return record.Proof{}, err
		}
		done, word := l.action.done(c)
		if !c.On {
			word = "off"
		}
		if done && broken && l.action.Kind == kindSlow {
			// A limit that nobody reaches breaks nothing.
			stood := c.Throttled - l.throttled[s]
			done, word = stood > 0, fmt.Sprintf("%s, stood still %d times for want of a processor", word, stood)
		}
		texts = append(texts, s+" is "+word)
		if broken {
			proof.OK = proof.OK && done
		} else {
			proof.OK = proof.OK && !done && c.On
		}
	}
	proof.Text = strings.Join(texts, "; ")
	return proof, nil
}
