package haproxyctl

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// What Line.Server is called for the line of a whole proxy.
const (
	Frontend = "FRONTEND"
	Backend  = "BACKEND"
)

// Line is one line of "show stat": a frontend, a backend, or one server of it.
type Line struct {
	Proxy     string
	Server    string // Frontend, Backend, or the server's name
	Algorithm string // of a backend; HAProxy tells it to operators only
	Sessions  int    // open now
	Rate      int    // new sessions in the last second; of an HTTP frontend, requests
	Total     int64  // sessions since the process began; of HTTP, requests
	Errors5xx int64
	Check     string // HAProxy's word for the last check of a server: L7OK, L4CON
}

// Lines returns all frontends, backends and servers with their counters, in HAProxy's
// order.
func (c Client) Lines(ctx context.Context) ([]Line, error) {
	text, err := c.Command(ctx, "show stat -1 7 -1") // 7: frontends, backends and servers
	if err != nil {
		return nil, err
	}
	return ParseLines(text)
}

// ParseLines reads the answer to "show stat".
func ParseLines(text string) ([]Line, error) {
	table, err := readStats(text, "pxname", "svname", "algo", "mode", "scur", "rate", "stot", "req_rate", "req_tot", "hrsp_5xx", "check_status")
	if err != nil {
		return nil, err
	}
	lines := make([]Line, len(table))
	for i, r := range table {
		l := Line{
			Proxy: r.text("pxname"), Server: r.text("svname"), Algorithm: r.text("algo"), Check: r.check(),
			Sessions: int(r.number("scur")), Rate: int(r.number("rate")), Total: r.number("stot"), Errors5xx: r.number("hrsp_5xx"),
		}
		// A session of an HTTP frontend is a connection, with any number of requests;
		// behind it, a request is a session.
		if l.Server == Frontend && r.text("mode") == "http" {
			l.Rate, l.Total = int(r.number("req_rate")), r.number("req_tot")
		}
		lines[i] = l
	}
	return lines, nil
}

// Info is what a HAProxy says of its running process.
type Info struct {
	Version  string // as its package has it: 3.0.11-1+deb13u4
	Uptime   int64  // seconds
	Sessions int    // connections open now
	MaxConn  int
}

// Info asks the process for itself.
func (c Client) Info(ctx context.Context) (Info, error) {
	text, err := c.Command(ctx, "show info")
	if err != nil {
		return Info{}, err
	}
	return ParseInfo(text)
}

// ParseInfo reads the answer to "show info".
func ParseInfo(text string) (Info, error) {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			values[key] = value
		}
	}
	uptime, err1 := strconv.ParseInt(values["Uptime_sec"], 10, 64)
	sessions, err2 := strconv.Atoi(values["CurrConns"])
	most, err3 := strconv.Atoi(values["Maxconn"])
	if err := errors.Join(err1, err2, err3); err != nil {
		return Info{}, fmt.Errorf("read what HAProxy says of itself: %w", err)
	}
	return Info{Version: values["Version"], Uptime: uptime, Sessions: sessions, MaxConn: most}, nil
}

// record is a line of "show stat". Columns are found by name: versions add new ones.
type record struct {
	column map[string]int
	cells  []string
}

// readStats splits "show stat" into records that have the columns.
func readStats(text string, columns ...string) ([]record, error) {
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "# "))).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read HAProxy's statistics: %w", err)
	}
	if len(rows) == 0 {
		return nil, errors.New("read HAProxy's statistics: the answer is empty")
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, name := range columns {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("read HAProxy's statistics: no column %q", name)
		}
	}
	records := make([]record, len(rows)-1)
	for i, row := range rows[1:] {
		records[i] = record{column, row}
	}
	return records, nil
}

func (r record) text(column string) string { return r.cells[r.column[column]] }

// number is a cell's; an empty cell is HAProxy's way to say: not applicable.
func (r record) number(column string) int64 {
	n, err := strconv.ParseInt(r.text(column), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// check is the last check's word; a star before it says that another one is under way.
func (r record) check() string { return strings.TrimPrefix(r.text("check_status"), "* ") }
