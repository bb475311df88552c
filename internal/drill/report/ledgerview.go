package report

import (
	"strings"

	"scaleup/internal/drill/record"
)

// ledgerRows tell what became of the writes, each figure with its meaning. Bad is
// what a promise of any drill forbids.
func ledgerRows(l record.Ledger) []row {
	if l.Error != "" {
		return []row{{Name: "not read", Value: l.Error, Meaning: "so nothing is known of the writes", Bad: true}}
	}
	rows := []row{
		{Name: "acknowledged", Value: count(l.Acked), Meaning: "writes that the site said it had carried out"},
		{Name: "lost", Value: count(l.Lost), Meaning: "of these, missing on some member", Bad: l.Lost > 0},
		{Name: "carried out twice", Value: count(l.Duplicated), Meaning: "there more than once", Bad: l.Duplicated > 0},
		{Name: "recovered", Value: count(l.Recovered), Meaning: "without a clear answer, and there"},
		{Name: "phantom", Value: count(l.Phantom), Meaning: "reported as failed, and there", Bad: l.Phantom > 0},
		{Name: "corrupt", Value: count(l.Corrupt), Meaning: "there with other content than was sent", Bad: l.Corrupt > 0},
		{Name: "unexpected", Value: count(l.Unexpected), Meaning: "there, and never sent", Bad: l.Unexpected > 0},
		{Name: "members read", Value: orDash(and(l.Members)), Meaning: "all hold the same"},
		{Name: "invariants", Value: "kept", Meaning: "totals that must add up at any moment"},
	}
	if l.Differ {
		rows[7].Meaning, rows[7].Bad = "they do not hold the same", true
	}
	if n := len(l.Invariants); n > 0 {
		rows[8].Value, rows[8].Bad = count(n)+" broken", true
	}
	if l.Registers != "" {
		rows = append(rows, row{Name: "registers", Value: strings.ToLower(l.Registers), Meaning: "reads and writes of single rows, in an order that real time allows", Bad: l.Registers == "violated"})
	}
	return rows
}
