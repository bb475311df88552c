package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// priorities are syslog's, in words.
var priorities = [...]string{"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"}

// warning is the least priority that is told in the text form.
const warning = 4

// componentWidth is that of the longest name of a component.
const componentWidth = len("keepalived")

// Text writes entries as lines for people, their time in a zone. A line never holds
// anything that would steer a terminal.
type Text struct {
	Out    io.Writer
	Zone   *time.Location
	Server int    // width of the column
	day    string // of the last line
}

// Show writes one entry, and a line with the date before it when that has changed.
func (t *Text) Show(e Entry) error {
	at := e.Time.In(t.Zone)
	if day := at.Format(time.DateOnly); day != t.day {
		t.day = day
		if _, err := fmt.Fprintf(t.Out, "%s\n", day); err != nil {
			return err
		}
	}
	message := e.Message
	if access, ok := accessText(message); ok && e.Component == "nginx" {
		message = access
	}
	word := ""
	if e.Priority >= 0 && e.Priority <= warning {
		word = priorities[e.Priority] + ": "
	}
	_, err := fmt.Fprintf(t.Out, "%s %-*s %-*s %s%s\n", at.Format("15:04:05.000"), t.Server, e.Server,
		componentWidth, Printable(e.Component), word, Printable(message))
	return err
}

// Printable is text that a terminal shows and does not obey: whatever is no letter,
// mark, number, sign or plain space is written as its code.
func Printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		switch r {
		case '\n':
			b.WriteString(`\n`)
		case '\t':
			b.WriteString(`\t`)
		default:
			writeEscape(&b, r)
		}
	}
	return b.String()
}

// writeEscape writes a rune as JSON and Go do.
func writeEscape(b *strings.Builder, r rune) {
	if r1, r2 := utf16.EncodeRune(r); r1 != unicode.ReplacementChar {
		fmt.Fprintf(b, `\u%04x\u%04x`, r1, r2)
		return
	}
	fmt.Fprintf(b, `\u%04x`, r)
}

// Lines writes entries as JSON, a document per line.
type Lines struct{ Out io.Writer }

// Show writes one entry. JSON escapes the first 32 control characters; the others are
// escaped here, which is the same document.
func (l Lines) Show(e Entry) error {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Schema    int       `json:"schema"`
		Time      time.Time `json:"time"`
		Server    string    `json:"server"`
		Component string    `json:"component"`
		Priority  string    `json:"priority"`
		Message   string    `json:"message"`
	}{1, e.Time.UTC(), e.Server, e.Component, priorities[min(max(e.Priority, 0), len(priorities)-1)], e.Message})
	if err != nil {
		return fmt.Errorf("write an entry as JSON: %w", err)
	}
	_, err = io.WriteString(l.Out, Printable(strings.TrimSuffix(document.String(), "\n"))+"\n")
	return err
}

// accessText says a line of Nginx's access log in words.
func accessText(line string) (string, bool) {
	var r struct {
		ID         string  `json:"id"`
		Client     string  `json:"client"`
		Method     string  `json:"method"`
		Host       string  `json:"host"`
		URI        string  `json:"uri"`
		Status     int     `json:"status"`
		Bytes      int64   `json:"bytes"`
		Seconds    float64 `json:"seconds"`
		AppStatus  string  `json:"app_status"` // empty when the app was not asked; several after a retry
		AppSeconds string  `json:"app_seconds"`
		LB         string  `json:"lb"`
	}
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &r) != nil || r.Status == 0 {
		return "", false
	}
	app := ""
	if r.AppStatus != "" && r.AppStatus != "-" {
		app = fmt.Sprintf(" (app %s in %s s)", r.AppStatus, r.AppSeconds)
	}
	return fmt.Sprintf("%s %s%s: %d, %d bytes in %.3f s%s, from %s by %s, request %s",
		r.Method, r.Host, r.URI, r.Status, r.Bytes, r.Seconds, app, r.Client, r.LB, r.ID), true
}
