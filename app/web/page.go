package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/trieungochai/kafka-notify/app/poison"
)

// page is what all pages have in common.
type page struct {
	Title string
	// Body is what the page's own template shows.
	Body any

	// Name is what the viewer calls themselves.
	Name string
	// Denied is why the viewer may not change anything, "" if they may.
	Denied string
	// Notice says what came of what was done on the page before.
	Notice string
	// Refresh is after how many seconds the page is loaded again; 0: never.
	Refresh int
	// Every is after how many milliseconds a script asks for the page again, besides
	// when it is told of a change; 0: never.
	Every int
}

// May reports whether the viewer may change anything.
func (p page) May() bool { return p.Denied == "" }

// parsePages reads the template of every page, each with the frame that all
// pages have.
func parsePages(functions template.FuncMap) (map[string]*template.Template, error) {
	frame, err := template.New("frame.html").Funcs(functions).ParseFS(files, "templates/frame.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	entries, err := files.ReadDir("templates")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	pages := make(map[string]*template.Template)
	for _, entry := range entries {
		name, _ := strings.CutSuffix(entry.Name(), ".html")
		if name == "frame" || name == "parts" {
			continue
		}
		t, err := frame.Clone()
		if err == nil {
			t, err = t.ParseFS(files, "templates/"+entry.Name())
		}
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		pages[name] = t
	}
	return pages, nil
}

// write answers with a page, whole or not at all.
func (s *site) write(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	p.Name = caller(r).Name
	if err := may(r, poison.ToRedrive); err != nil {
		p.Denied = err.Error()
	}
	p.Notice = notice(w, r)
	var out bytes.Buffer
	if err := s.pages[name].Execute(&out, p); err != nil {
		s.opts.Logger.ErrorContext(r.Context(), "page failed", "path", r.URL.Path, "error", err)
		http.Error(w, "The service could not make this page: its log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // an error here is the viewer's connection: there is nobody to tell
}

// show answers with a page in which all is well.
func (s *site) show(w http.ResponseWriter, r *http.Request, name, title string, body any) error {
	s.write(w, r, http.StatusOK, name, page{Title: title, Body: body})
	return nil
}
