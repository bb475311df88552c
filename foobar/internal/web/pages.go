package web

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"

	"scaleup/foobar/assets"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pages are the templates by name, each with the layout around it.
type pages map[string]*template.Template

var pageNames = []string{"home", "menu", "orderform", "order", "trouble"}

func parsePages(files assets.Set) (pages, error) {
	layout, err := template.New("").Funcs(template.FuncMap{
		"asset":     files.Path,
		"picture":   func(slug string) string { return "drink-" + slug + ".svg" },
		"thousands": thousands,
	}).ParseFS(templateFiles, "templates/layout.html")
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, name := range pageNames {
		page, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if all[name], err = page.ParseFS(templateFiles, "templates/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// page is what the layout shows.
type page struct {
	Title   string
	Nav     string   // the entry of the navigation that is this page
	Poured  []string // the servers that handled the request
	Content any
}

// render writes a page. It is complete before its first byte is sent, so an error never ends in half a page.
func (s *site) render(w http.ResponseWriter, r *http.Request, status int, name, title, database string, content any) {
	var body bytes.Buffer
	err := s.pages[name].ExecuteTemplate(&body, "layout", page{
		Title:   title + " · Foobar",
		Nav:     name,
		Poured:  s.pouredBy(r, database),
		Content: content,
	})
	if err != nil {
		s.log.Error("render a page", "page", name, "error", err)
		w.Header().Set("Cache-Control", cacheNever)
		writeText(w, http.StatusInternalServerError, "Something was spilled. It is in our log.\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a client that left is no error
}

// thousands writes 10000000 as 10,000,000.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
