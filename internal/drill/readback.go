package drill

import (
	"context"
	"fmt"
	"strings"
	"time"

	"scaleup/internal/drill/ledger"
	"scaleup/internal/drill/record"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
)

// catchUp is how long the members may take to apply what the others have, in
// seconds.
const catchUp = 60

// Holdings are what the members hold after a trial, as they told it: with the
// operations, all that the ledger is computed from.
type Holdings struct {
	Run       string              `json:"run"`
	Orders    []ledger.Holding    `json:"orders"` // of foobar; empty where the writes are rows
	Bars      []ledger.Bar        `json:"bars"`
	Rows      []ledger.Holding    `json:"rows"`
	RowClass  record.Class        `json:"row_class"` // of the operations that wrote rows
	Registers []ledger.RegisterOp `json:"registers"`
	Members   []string            `json:"members"`
	Error     string              `json:"error"` // why they could not be read whole
}

// ledgerOf computes a trial's ledger. It is pure but for the time it takes.
func ledgerOf(h Holdings, ops []record.Op) record.Ledger {
	row := func(o record.Op) bool { return o.Class == h.RowClass }
	sum := ledger.Check(h.Run, ops, row, h.Rows)
	if h.Orders != nil {
		order := func(o record.Op) bool { return o.Class == record.Write }
		sum = ledger.Join(ledger.Check(h.Run, ops, order, h.Orders), sum)
		sum.Invariants = ledger.Invariants(h.Bars)
	}
	var example string
	sum.Registers, example = ledger.CheckRegisters(h.Registers, ledger.RegisterPatience)
	if example != "" {
		sum.Notes = append(sum.Notes, example)
	}
	sum.Members, sum.Error = h.Members, h.Error
	return sum
}

// readBack reads every member, after each has caught up with all the others.
func (l *running) readBack(ctx context.Context, run string) Holdings {
	h := Holdings{Run: run, Registers: l.registers.History(), RowClass: record.Write}
	orders := l.Site.Site.Drill.Orders
	if orders {
		h.RowClass = record.SQL
	}
	if err := l.level(ctx); err != nil {
		h.Error = err.Error()
		return h
	}
	database := l.Site.Site.Database.Name
	for _, s := range l.Site.With(spec.Database) {
		rows, err := l.ask(ctx, s.Name, ledger.RowsOf(run), ledger.ParseRows)
		if err != nil {
			h.Error = err.Error()
			return h
		}
		h.Members = append(h.Members, s.Name)
		h.Rows = append(h.Rows, ledger.Holding{Member: s.Name, Rows: rows})
		if !orders {
			continue
		}
		if rows, err = l.ask(ctx, s.Name, ledger.OrdersOf(database, run), ledger.ParseRows); err != nil {
			h.Error = err.Error()
			return h
		}
		h.Orders = append(h.Orders, ledger.Holding{Member: s.Name, Rows: rows})
		answer, err := l.query(ctx, s.Name, ledger.DrinksOf(database))
		if err != nil {
			h.Error = err.Error()
			return h
		}
		drinks, err := ledger.ParseDrinks(answer)
		if err != nil {
			h.Error = err.Error()
			return h
		}
		h.Bars = append(h.Bars, ledger.Bar{Member: s.Name, Drinks: drinks})
	}
	return h
}

// level waits until every member has executed what any of them has.
func (l *running) level(ctx context.Context) error {
	members := l.Site.With(spec.Database)
	executed := make([]string, len(members))
	for i, s := range members {
		answer, err := l.query(ctx, s.Name, ledger.Executed())
		if err != nil {
			return err
		}
		if executed[i], err = ledger.ParseExecuted(answer); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	for _, s := range members {
		for i, set := range executed {
			if members[i].Name == s.Name {
				continue
			}
			answer, err := l.query(ctx, s.Name, ledger.WaitFor(set, catchUp))
			if err != nil {
				return err
			}
			done, err := ledger.ParseWaited(answer)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			if !done {
				return fmt.Errorf("%s has not applied within %d s what %s has", s.Name, catchUp, members[i].Name)
			}
		}
	}
	return nil
}

func (l *running) ask(ctx context.Context, server string, s ledger.Statement, parse func([][]string) ([]ledger.Row, error)) ([]ledger.Row, error) {
	answer, err := l.query(ctx, server, s)
	if err != nil {
		return nil, err
	}
	rows, err := parse(answer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", server, err)
	}
	return rows, nil
}

// query asks one member, as its root.
func (r *Runner) query(ctx context.Context, server string, s ledger.Statement) ([][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, (catchUp+30)*time.Second)
	defer cancel()
	p, err := r.Hosts[server].Call(ctx, remote.Request{Query: &remote.Query{Schema: s.Schema, SQL: s.SQL, Args: s.Args}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", server, err)
	}
	return p.Rows, nil
}

// audit reads the settings that the durability of a write rests on.
func (r *Runner) audit(ctx context.Context) ([]record.AuditItem, error) {
	var all []record.AuditItem
	for _, s := range r.Site.With(spec.Database) {
		answer, err := r.query(ctx, s.Name, ledger.Settings())
		if err != nil {
			return nil, err
		}
		d, err := ledger.ParseDurability(answer)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		weak := d.Weak()
		all = append(all, record.AuditItem{
			Name: "durability on " + s.Name, Good: len(weak) == 0,
			Value: strings.Join(append(weak, d.String()), "; "),
		})
	}
	return all, nil
}
