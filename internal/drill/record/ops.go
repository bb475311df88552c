package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// line is an operation on disk: one JSON object per line, in the order of Seq. An
// hour of load is a million lines, so keys are single letters, times are whole
// microseconds and what is zero is left out; class and outcome are always there, by
// name, so that the file can be searched as it is:
//
//	{"n":4711,"c":"api-read","f":true,"p":2,"o":"failed","s":503,"d":23555000,"l":112,"w":5123,"e":"503"}
type line struct {
	Seq     int    `json:"n,omitempty"`
	Class   string `json:"c"`
	Fresh   bool   `json:"f,omitempty"`
	Proto   uint8  `json:"p,omitempty"`
	Outcome string `json:"o"`
	Status  int    `json:"s,omitempty"`
	Due     int64  `json:"d,omitempty"` // since the trial began
	Lag     int64  `json:"l,omitempty"` // Start - Due
	Wait    int64  `json:"w,omitempty"` // Done - Due
	Error   string `json:"e,omitempty"`
	Again   int    `json:"a,omitempty"`
}

// WriteOps writes operations, one line each. Times lose what is below a microsecond.
func WriteOps(w io.Writer, ops []Op) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, o := range ops {
		due := o.Due.Microseconds()
		err := enc.Encode(line{
			Seq: o.Seq, Class: o.Class.String(), Fresh: o.Fresh, Proto: o.Proto,
			Outcome: o.Outcome.String(), Status: o.Status,
			Due: due, Lag: o.Start.Microseconds() - due, Wait: o.Done.Microseconds() - due,
			Error: o.Error, Again: o.Again,
		})
		if err != nil {
			return fmt.Errorf("write operation %d: %w", o.Seq, err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write operations: %w", err)
	}
	return nil
}

// ReadOps reads what WriteOps wrote. Anything else is an error that names the line;
// the operations before it are returned, too, as the last line of a run that was
// killed may be cut off.
func ReadOps(r io.Reader) ([]Op, error) {
	var ops []Op
	words := map[string]string{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		op, err := parseOp(lines.Bytes())
		if err != nil {
			return ops, fmt.Errorf("line %d: %w", len(ops)+1, err)
		}
		op.Error = intern(words, op.Error)
		ops = append(ops, op)
	}
	if err := lines.Err(); err != nil {
		return ops, fmt.Errorf("line %d: %w", len(ops)+1, err)
	}
	return ops, nil
}

// intern makes equal strings share their memory: there are a dozen words and, in a
// long outage, a hundred thousand operations that carry one.
func intern(words map[string]string, s string) string {
	if known, ok := words[s]; ok {
		return known
	}
	words[s] = s
	return s
}

func parseOp(text []byte) (Op, error) {
	var l line
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); errors.Is(err, io.EOF) {
		return Op{}, errors.New("is empty, want an operation")
	} else if err != nil {
		return Op{}, fmt.Errorf("is not an operation: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Op{}, errors.New("holds more than one operation")
	}
	return l.op()
}

func (l line) op() (Op, error) {
	class := slices.Index(classNames[:], l.Class)
	outcome := slices.Index(outcomeNames[:], l.Outcome)
	switch {
	case class < 0:
		return Op{}, fmt.Errorf("class %q is not one of %q", l.Class, classNames)
	case outcome < 0:
		return Op{}, fmt.Errorf("outcome %q is not one of %q", l.Outcome, outcomeNames)
	case l.Proto > 2:
		return Op{}, fmt.Errorf("HTTP version %d is not one of 0, 1, 2", l.Proto)
	}
	return Op{
		Seq: l.Seq, Class: Class(class), Fresh: l.Fresh, Proto: l.Proto,
		Outcome: Outcome(outcome), Status: l.Status,
		Due: microseconds(l.Due), Start: microseconds(l.Due + l.Lag), Done: microseconds(l.Due + l.Wait),
		Error: l.Error, Again: l.Again,
	}, nil
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
