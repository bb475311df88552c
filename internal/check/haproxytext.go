package check

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// haproxyText is HAProxy's configuration by section, as far as settings are looked up in
// it here. It is read as it is written: words, comments, sections that take over the
// settings of a "defaults" section.
type haproxyText []section

type section struct {
	kind, name string // backend, web
	from       string // name of the defaults it takes over; "" for those before it
	lines      [][]string
}

var sectionKinds = []string{"global", "defaults", "frontend", "backend", "listen", "peers", "cache", "resolvers", "userlist", "mailers", "program", "ring", "http-errors", "log-profile", "crt-store", "fcgi-app"}

func readHAProxy(text string) haproxyText {
	var all haproxyText
	for l := range strings.SplitSeq(text, "\n") {
		l, _, _ = strings.Cut(l, "#")
		words := strings.Fields(l)
		switch {
		case len(words) == 0:
		case slices.Contains(sectionKinds, words[0]):
			s := section{kind: words[0]}
			if len(words) > 1 && words[1] != "from" {
				s.name = words[1]
			}
			if i := slices.Index(words, "from"); i > 0 && i+1 < len(words) {
				s.from = words[i+1]
			}
			all = append(all, s)
		case len(all) > 0:
			last := &all[len(all)-1]
			last.lines = append(last.lines, words)
		}
	}
	return all
}

// setting is the last word list that begins with key in a section, or in the defaults
// that it takes over, without the key; nil for none.
func (h haproxyText) setting(kind, name string, key ...string) []string {
	i := slices.IndexFunc(h, func(s section) bool { return s.kind == kind && s.name == name })
	if i < 0 {
		return nil
	}
	if v := h[i].last(key); v != nil {
		return v
	}
	for j := i - 1; j >= 0; j-- {
		if h[j].kind == "defaults" && (h[i].from == "" || h[j].name == h[i].from) {
			return h[j].last(key)
		}
	}
	return nil
}

func (s section) last(key []string) []string {
	for _, words := range slices.Backward(s.lines) {
		if len(words) > len(key) && slices.Equal(words[:len(key)], key) {
			return words[len(key):]
		}
	}
	return nil
}

// timeout is "timeout NAME" of a backend; not ok where it is not set or not understood.
func (h haproxyText) timeout(backend, name string) (time.Duration, bool) {
	v := h.setting("backend", backend, "timeout", name)
	if len(v) == 0 {
		return 0, false
	}
	return span(v[0], time.Millisecond)
}

// perServer is how many connections a backend opens to each of its servers at most; not
// ok where there is no bound.
func (h haproxyText) perServer(backend string) (int, bool) {
	v := h.setting("backend", backend, "default-server")
	i := slices.Index(v, "maxconn")
	if i < 0 || i+1 == len(v) {
		return 0, false
	}
	n, err := strconv.Atoi(v[i+1])
	return n, err == nil
}

// span reads a time of HAProxy's or Nginx's: a number with a unit, or in the program's
// own unit.
func span(word string, unit time.Duration) (time.Duration, bool) {
	number := strings.TrimRight(word, "abcdefghijklmnopqrstuvwxyz")
	if suffix := word[len(number):]; suffix != "" {
		known, ok := map[string]time.Duration{
			"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
		}[suffix]
		if !ok {
			return 0, false
		}
		unit = known
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, false
	}
	return time.Duration(n) * unit, true
}
