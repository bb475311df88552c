package load

import (
	"errors"
	"fmt"
	"regexp"

	"scaleup/internal/drill/record"
)

// Mix is the standard load of a drill.
type Mix struct {
	Run    string                    // names the trial: unique; 2 to 50 letters, digits and hyphens
	Reads  float64                   // per second, split evenly over the classes that have paths
	Writes float64                   // orders per second
	Paths  map[record.Class][]string // what is read, by class
}

// runForm makes keys that the reference application takes: 16 to 64 characters.
var runForm = regexp.MustCompile(`^[A-Za-z0-9-]{2,50}$`)

// Streams makes the streams of a mix: each class half over fresh connections and
// half over kept ones, and each of these half over HTTP/1.1 and half over HTTP/2.
func Streams(c *Client, m Mix) ([]Stream, error) {
	if !runForm.MatchString(m.Run) {
		return nil, fmt.Errorf("plan the load: run %q is not 2 to 50 letters, digits and hyphens", m.Run)
	}
	readers, err := m.readers(c)
	if err != nil {
		return nil, err
	}
	var streams []Stream
	for _, r := range readers {
		rate := m.Reads / float64(len(readers))
		streams = append(streams, quarters(r.class, rate, r.Rotate)...)
	}
	if m.Writes > 0 {
		order := Orders(c, m.Run)
		streams = append(streams, quarters(record.Write, m.Writes, func() Doer { return order })...)
	}
	return streams, nil
}

func (m Mix) readers(c *Client) ([]*Reader, error) {
	var readers []*Reader
	for _, class := range record.Classes {
		paths := m.Paths[class]
		switch {
		case len(paths) == 0:
			continue
		case !class.Read():
			return nil, fmt.Errorf("plan the load: paths are for reading, and %s does not", class)
		}
		r, err := NewReader(c, m.Run, class, paths)
		if err != nil {
			return nil, fmt.Errorf("plan the load: %w", err)
		}
		readers = append(readers, r)
	}
	if m.Reads > 0 && len(readers) == 0 {
		return nil, errors.New("plan the load: there are reads and no path to read; name at least one")
	}
	return readers, nil
}

// quarters are the four ways in which a class is asked.
func quarters(class record.Class, rate float64, each func() Doer) []Stream {
	var streams []Stream
	for _, fresh := range []bool{true, false} {
		for _, proto := range []uint8{1, 2} {
			streams = append(streams, Stream{Class: class, Fresh: fresh, Proto: proto, Rate: rate / 4, Do: each()})
		}
	}
	return streams
}
