package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"scaleup/internal/remote"
	"scaleup/internal/spec"
)

// Trace is one request and what the servers wrote of it.
type Trace struct {
	Visit  Visit
	Holder string                      // load balancer that held the public address; "" when it is not known
	Lines  map[string][]remote.LogLine // by server
	Silent map[string]string           // servers whose logs could not be read, and why
}

// How a figure came about, and who saw a request from outside.
const (
	Measured   = "measured"
	Difference = "difference"
	here       = "this computer"
)

// Hop is one part of a request's way.
type Hop struct {
	Server  string  `json:"server"`  // "" where it is not known
	Program string  `json:"program"` // and what it did
	Start   float64 `json:"start_ms"`
	MS      float64 `json:"ms"`
	How     string  `json:"how"` // measured, or difference: of two measured figures
	By      string  `json:"by"`  // who measured
}

// nginxLine is what Hops needs of a line of Nginx's log.
type nginxLine struct {
	ID         string  `json:"id"`
	Seconds    float64 `json:"seconds"`
	AppSeconds string  `json:"app_seconds"` // "" or - when the app tier was not asked; a list after retries
	AppTiming  string  `json:"app_timing"`  // Server-Timing of the application, where it has one; see appTiming
	Cache      string  `json:"cache"`
	LB         string  `json:"lb"`
}

// nginx finds Nginx's line of the request.
func (t Trace) nginx() (server string, line nginxLine, found bool) {
	for server, lines := range t.Lines {
		for _, l := range lines {
			if l.Source == remote.AccessLog && json.Unmarshal([]byte(l.Text), &line) == nil && line.ID == t.Visit.RequestID {
				return server, line, true
			}
		}
	}
	return "", nginxLine{}, false
}

// Whole reports whether what can be known is there: a web server's line.
func (t Trace) Whole() bool { _, _, found := t.nginx(); return found }

// Hops is the request's way, in order. This computer measured what it saw, and Nginx,
// to a millisecond, how long it took and waited. HAProxy writes no line for a request
// that went well: its part, and Nginx's own, are differences. When within a longer part
// a shorter one began is not known; it is placed in the middle.
func (t Trace) Hops() []Hop {
	times := t.Visit.Timings
	connect, handshake, wait := millis(times.Connect), millis(times.Handshake), millis(times.Wait)
	sent := connect + handshake
	web, line, found := t.nginx()
	lb := cmp.Or(line.LB, t.Holder, "a load balancer")
	hops := []Hop{
		{here, "TCP connection", 0, connect, Measured, here},
		{here, "TLS handshake with HAProxy", connect, handshake, Measured, here},
	}
	switch inWeb, inApp := 1000*line.Seconds, 1000*seconds(line.AppSeconds); {
	case !found:
		hops = append(hops, Hop{lb, "HAProxy and all behind it", sent, wait, Measured, here})
	default:
		before, own := max(0, wait-inWeb), max(0, inWeb-inApp)
		hops = append(hops,
			Hop{lb, "HAProxy, and the network", sent, before, Difference, here + " and Nginx"},
			Hop{web, "Nginx itself", sent + before/2, own, Difference, "Nginx"})
		if asked(line.AppSeconds) {
			hops = append(hops, t.behindNginx(line, sent+before/2+own/2, inApp)...)
		}
	}
	return append(hops, Hop{here, "rest of the answer", sent + wait, millis(times.Receive), Measured, here})
}

// behindNginx are the parts of what Nginx waited for: whole, or by the application's own
// word (Server-Timing) on which server it is, how long it took and waited for the database.
func (t Trace) behindNginx(line nginxLine, from, ms float64) []Hop {
	server, app, db, told := appTiming(line.AppTiming)
	if !told || app > ms+1 { // Nginx counts whole milliseconds
		return []Hop{{t.app(), "HAProxy, app and database", from, ms, Measured, "Nginx"}}
	}
	way := max(0, ms-app)
	return []Hop{
		{cmp.Or(line.LB, t.Holder), "HAProxy again, and the network", from, way, Difference, "Nginx and " + server},
		{server, "application", from + way/2, max(0, app-db), Difference, server},
		{server, "its wait for the database", from + way/2 + max(0, app-db)/2, db, Measured, server},
	}
}

// serverTiming is foobar's form of the header: app;desc="app1";dur=12.3, db;dur=8.0, in
// milliseconds.
var serverTiming = regexp.MustCompile(`^app;desc="([a-z0-9-]+)";dur=([0-9.]+), db;dur=([0-9.]+)$`)

func appTiming(header string) (server string, app, db float64, told bool) {
	m := serverTiming.FindStringSubmatch(header)
	if m == nil {
		return "", 0, 0, false
	}
	app, errApp := strconv.ParseFloat(m[2], 64)
	db, errDB := strconv.ParseFloat(m[3], 64)
	return m[1], app, db, errApp == nil && errDB == nil
}

// app is the application server that wrote of the request; "" when none did.
func (t Trace) app() string {
	for server, lines := range t.Lines {
		for _, l := range lines {
			if strings.HasPrefix(l.Source, "app@") {
				return server
			}
		}
	}
	return ""
}

// Notes say what the hops cannot.
func (t Trace) Notes() []string {
	_, line, found := t.nginx()
	_, _, _, told := appTiming(line.AppTiming)
	var notes []string
	switch {
	case t.Visit.RequestID == "":
		notes = append(notes, "The answer carries no X-Request-ID, so no log can be searched for it.")
	case !found:
		notes = append(notes, "No web server wrote a line of this request: Nginx logs no static files that it served, and HAProxy answers some of them from its cache.")
	case !asked(line.AppSeconds):
		notes = append(notes, strings.TrimSpace("Nginx answered without asking the app tier. "+cacheWords(line.Cache)))
	case t.app() == "" && !told:
		notes = append(notes, "No application server wrote a line of this request, so which one answered is not known; what Nginx waited for includes the load balancer's part of the way there.")
	}
	if found {
		notes = append(notes, "Nginx measures in whole milliseconds: a difference may be wrong by one. HAProxy logs no ordinary request, so its part is what is left.")
	}
	for _, s := range sortedKeys(t.Silent) {
		notes = append(notes, fmt.Sprintf("The logs of %s were not read: %s.", s, t.Silent[s]))
	}
	return notes
}

func cacheWords(cache string) string {
	if cache == "" || cache == "-" {
		return "It is a file."
	}
	return "Its cache says " + cache + "."
}

func asked(appSeconds string) bool { return strings.ContainsAny(appSeconds, "0123456789") }

var number = regexp.MustCompile(`\d+(\.\d+)?`)

// seconds adds up Nginx's list of times, one for each server that it tried.
func seconds(list string) (sum float64) {
	for _, n := range number.FindAllString(list, -1) {
		if s, err := strconv.ParseFloat(n, 64); err == nil { // digits and at most one point
			sum += s
		}
	}
	return sum
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// traced shows one request's way, as evidence of who does what.
func (v view) traced(a *Answer) {
	const what, from = "one request on its way", "scaleup explain request"
	switch {
	case v.Trace == nil && v.Visit.Err != "":
		a.miss(what, v.Visit.Err, from)
		return
	case v.Trace == nil:
		a.miss(what, "it was not followed", from)
		return
	}
	a.show(what, v.Trace.Visit.URL, here+", one request")
	for _, h := range v.Trace.Hops() {
		where := cmp.Or(h.Server, "one of "+v.names(spec.App))
		a.show("- "+h.Program, fmt.Sprintf("%.1f ms on %s", h.MS, where), h.How+" by "+h.By)
	}
}
