package guard

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// GTIDSet is a set of global transaction identifiers as MySQL writes them:
// "uuid:1-5:7, uuid:tag:1-3". It is a value: operations return new sets. The
// guard compares the sets of several servers in Decide, which must not depend on
// a MySQL that may be down, so the arithmetic is here and not in SQL.
type GTIDSet struct {
	spans map[source][]span // per source sorted, disjoint and not adjacent; never empty
}

// source is what numbers transactions: a UUID (of a group or a server) and a tag.
type source struct{ uuid, tag string }

// span is the numbers from first to last, both included.
type span struct{ first, last int64 }

// maxGTID is the largest transaction number MySQL assigns.
const maxGTID = 1<<63 - 2

var tagPattern = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,31}$`)

// ParseGTIDSet reads the text of gtid_executed and its like. Empty text is the
// empty set.
func ParseGTIDSet(text string) (GTIDSet, error) {
	spans := map[source][]span{}
	for _, part := range strings.Split(text, ",") {
		part = strings.ToLower(strings.TrimSpace(part))
		if part == "" {
			continue
		}
		if err := parseSource(part, spans); err != nil {
			return GTIDSet{}, fmt.Errorf("parse GTID set: %w", err)
		}
	}
	for key := range spans {
		spans[key] = normalise(spans[key])
	}
	return GTIDSet{spans}, nil
}

// parseSource reads "uuid:1-5:7:tag:1-3": an interval belongs to the tag before it.
func parseSource(part string, spans map[source][]span) error {
	words := strings.Split(part, ":")
	key := source{uuid: strings.TrimSpace(words[0])}
	if !uuidPattern.MatchString(key.uuid) {
		return fmt.Errorf("%q is not a UUID", words[0])
	}
	pending := true // the UUID or tag before has no interval yet
	for _, word := range words[1:] {
		word = strings.TrimSpace(word)
		if tagPattern.MatchString(word) {
			if pending && key.tag != "" {
				return fmt.Errorf("tag %q has no interval", key.tag)
			}
			key.tag, pending = word, true
			continue
		}
		s, err := parseSpan(word)
		if err != nil {
			return err
		}
		spans[key] = append(spans[key], s)
		pending = false
	}
	if pending {
		return fmt.Errorf("%q ends without an interval", part)
	}
	return nil
}

func parseSpan(word string) (span, error) {
	first, last, isRange := strings.Cut(word, "-")
	if !isRange {
		last = first
	}
	a, errA := strconv.ParseInt(first, 10, 64)
	b, errB := strconv.ParseInt(last, 10, 64)
	if errA != nil || errB != nil || a < 1 || b < a || b > maxGTID {
		return span{}, fmt.Errorf("%q is not an interval", word)
	}
	return span{a, b}, nil
}

// normalise sorts spans and merges those that overlap or touch.
func normalise(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	merged := spans[:0:0]
	for _, s := range spans {
		if n := len(merged); n > 0 && s.first <= merged[n-1].last+1 {
			merged[n-1].last = max(merged[n-1].last, s.last)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// Empty reports whether there is no transaction in the set.
func (s GTIDSet) Empty() bool { return len(s.spans) == 0 }

// HasSource reports whether the set has a transaction that this UUID numbered.
func (s GTIDSet) HasSource(uuid string) bool {
	for key := range s.spans {
		if key.uuid == uuid {
			return true
		}
	}
	return false
}

// Union is every transaction of either set.
func (s GTIDSet) Union(other GTIDSet) GTIDSet {
	spans := maps.Clone(s.spans)
	if spans == nil {
		spans = map[source][]span{}
	}
	for key, more := range other.spans {
		spans[key] = normalise(slices.Concat(spans[key], more))
	}
	return GTIDSet{spans}
}

// Subtract is every transaction of s that other lacks.
func (s GTIDSet) Subtract(other GTIDSet) GTIDSet {
	spans := map[source][]span{}
	for key, have := range s.spans {
		if rest := subtractSpans(have, other.spans[key]); len(rest) > 0 {
			spans[key] = rest
		}
	}
	return GTIDSet{spans}
}

// subtractSpans walks both sorted lists once: sets with many gaps are compared
// several times a second.
func subtractSpans(have, remove []span) (rest []span) {
	for _, s := range have {
		for len(remove) > 0 && remove[0].last < s.first {
			remove = remove[1:]
		}
		next := s.first
		for _, r := range remove {
			if r.first > s.last {
				break
			}
			if r.first > next {
				rest = append(rest, span{next, r.first - 1})
			}
			next = r.last + 1
		}
		if next <= s.last {
			rest = append(rest, span{next, s.last})
		}
	}
	return rest
}

// SubsetOf reports whether other has every transaction of s.
func (s GTIDSet) SubsetOf(other GTIDSet) bool { return s.Subtract(other).Empty() }

// Equal reports whether both sets have the same transactions.
func (s GTIDSet) Equal(other GTIDSet) bool { return s.SubsetOf(other) && other.SubsetOf(s) }

// String is the set as MySQL writes it, sorted, on one line; tags are not
// folded into the UUID before them, which MySQL reads just as well.
func (s GTIDSet) String() string {
	keys := slices.SortedFunc(maps.Keys(s.spans), func(a, b source) int {
		if c := strings.Compare(a.uuid, b.uuid); c != 0 {
			return c
		}
		return strings.Compare(a.tag, b.tag)
	})
	parts := make([]string, 0, len(keys))
	for _, key := range keys {
		words := []string{key.uuid}
		if key.tag != "" {
			words = append(words, key.tag)
		}
		for _, sp := range s.spans[key] {
			words = append(words, sp.String())
		}
		parts = append(parts, strings.Join(words, ":"))
	}
	return strings.Join(parts, ",")
}

func (s span) String() string {
	if s.first == s.last {
		return strconv.FormatInt(s.first, 10)
	}
	return fmt.Sprintf("%d-%d", s.first, s.last)
}
