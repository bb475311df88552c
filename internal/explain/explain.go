// Package explain answers the questions that a reviewer, a learner and an operator
// ask about a running site: what each element is, why it was added, what breaks
// without it, and which drill shows that. The words know the site's shape; the figures
// are what was read when the question was asked, and each names where it was read.
// What could not be read is said to be so. It asks nobody and changes nothing.
package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"scaleup/internal/check"
	"scaleup/internal/inspect"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// Question is one thing that can be asked.
type Question struct {
	Name     string // as it is named on the command line
	Question string
	Group    string
	Trace    bool // its answer shows one request on its way, which takes a second or two to follow
	answer   func(view, *Answer)
}

// Answer to a Question: sentences that hold while the site has this shape, and what
// was read just now.
type Answer struct {
	Name     string     `json:"name"`
	Question string     `json:"question"`
	Group    string     `json:"group"`
	Text     string     `json:"text"` // paragraphs, separated by an empty line
	Evidence []Evidence `json:"evidence"`
}

// Evidence is one thing that was read.
type Evidence struct {
	What  string `json:"what"`
	Value string `json:"value"` // "not read: " and the reason, where it could not be read
	From  string `json:"from"`  // server, and the command, counter or file there
}

// Document is what explain --json prints.
type Document struct {
	Schema  int       `json:"schema"`
	Site    string    `json:"site"`
	At      time.Time `json:"at"` // when the look began
	Answers []Answer  `json:"answers"`
}

// The groups of questions, in reading order.
const (
	groupBasics   = "The site and its parts"
	groupElements = "Every element: why it is here"
	groupTraffic  = "How traffic is shared"
	groupData     = "The database"
	groupGuarding = "Security"
	groupWatching = "Monitoring"
	groupWeak     = "What is weak, and what was"
)

// Catalogue lists every question in reading order.
func Catalogue() []Question {
	return slices.Concat(basics(), elements(), traffic(), data(), guarding(), watching(), weak())
}

// Find returns the questions of the given names in the order of the catalogue. unknown
// are the names that there are not.
func Find(names []string) (found []Question, unknown []string) {
	all := Catalogue()
	for _, name := range names {
		if !slices.ContainsFunc(all, func(q Question) bool { return q.Name == name }) {
			unknown = append(unknown, name)
		}
	}
	for _, q := range all {
		if slices.Contains(names, q.Name) {
			found = append(found, q)
		}
	}
	return found, unknown
}

// Explain answers questions from what was read.
func Explain(in Input, questions []Question) Document {
	d := Document{Schema: 1, Site: in.Look.Topology.Site.Name, At: in.Look.At, Answers: []Answer{}}
	v := newView(in)
	for _, q := range questions {
		a := Answer{Name: q.Name, Question: q.Question, Group: q.Group, Evidence: []Evidence{}}
		q.answer(v, &a)
		d.Answers = append(d.Answers, a)
	}
	return d
}

// say adds a paragraph.
func (a *Answer) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if a.Text != "" {
		text = a.Text + "\n\n" + text
	}
	a.Text = text
}

// show adds what was read.
func (a *Answer) show(what, value, from string) {
	a.Evidence = append(a.Evidence, Evidence{What: what, Value: oneLine(value), From: from})
}

// notRead begins the value of what could not be read.
const notRead = "not read: "

// miss adds what could not be read, and why.
func (a *Answer) miss(what, reason, from string) { a.show(what, notRead+reason, from) }

// oneLine fits a value into a row.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Files and settings that answers quote.
const (
	haproxyConfig    = "/etc/haproxy/haproxy.cfg"
	keepalivedConfig = "/etc/keepalived/keepalived.conf"
	nginxConfig      = "/etc/nginx/nginx.conf"
)

// mysqlVariables are the settings that the answers about the database quote.
var mysqlVariables = []string{
	"group_replication_single_primary_mode", "gtid_executed", "read_only", "super_read_only",
	"require_secure_transport", "sync_binlog", "innodb_flush_log_at_trx_commit",
}

// Ask is what a server has to show for all answers, and for what check finds.
func Ask(t *topology.Topology, s topology.Server) inspect.Ask {
	ask := check.Ask(t, s)
	switch s.Role {
	case spec.LoadBalancer:
		ask.Balancer = true
	case spec.Web:
		ask.Refused = []inspect.Probe{{To: mysqlAt(t.With(spec.Database)[0])}}
	case spec.Database:
		ask.TryWrite = true
		for _, name := range mysqlVariables {
			if !slices.Contains(ask.MySQL, name) {
				ask.MySQL = append(ask.MySQL, name)
			}
		}
	}
	return ask
}
