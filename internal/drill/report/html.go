package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"unicode"

	"scaleup/internal/drill/record"
)

//go:embed *.tmpl
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"shape":  shape,
	"class":  class,
	"count":  count,
	"many":   many,
	"list":   and,
	"orDash": orDash,
	"style":  func() template.CSS { return template.CSS(chartStyle + pageStyle) },
}).ParseFS(files, "*.tmpl"))

// HTML writes the report of a drill as one file for a browser. trials are the
// recorded trials, in the order of r.Trials; of one that is missing only the
// figures are shown. The file loads nothing and runs nothing, and says so to the
// browser in its content security policy.
func HTML(w io.Writer, r record.Result, trials []record.Trial) error {
	return execute(w, "report.tmpl", viewOf(r, trials))
}

// SummaryHTML writes the page over a series of drills: totals, and for every drill
// its verdict and each of its objectives. It links to the report of each drill,
// which lies beside it in NAME/report.html.
func SummaryHTML(w io.Writer, s record.Summary) error {
	return execute(w, "summary.tmpl", summaryViewOf(s))
}

// execute writes a page without control characters: HTML forbids them, and what
// servers say may hold some.
func execute(w io.Writer, name string, data any) error {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, data); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	clean := bytes.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, page.Bytes())
	_, err := w.Write(clean)
	return err
}
