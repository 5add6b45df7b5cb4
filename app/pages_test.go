package app_test

import (
	"net/http"
	"strings"
	"testing"
)

// The pages stand beside the API, which answers everything else as ever.
func TestPagesStandBesideTheAPI(t *testing.T) {
	s := newSite(t).start()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, tt := range []struct {
		method, path string
		status       int
		kind         string
	}{
		{http.MethodGet, "/", http.StatusFound, "text/html"},
		{http.MethodGet, "/ui", http.StatusFound, "text/html"},
		{http.MethodGet, "/ui/poison", http.StatusOK, "text/html"},
		{http.MethodHead, "/ui/poison", http.StatusOK, "text/html"},
		{http.MethodGet, "/ui/nothing", http.StatusNotFound, "text/html"},
		{http.MethodGet, "/uitest", http.StatusNotFound, "application/problem+json"},
		{http.MethodGet, "//", http.StatusNotFound, "application/problem+json"},
		{http.MethodPost, "/", http.StatusNotFound, "application/problem+json"},
		{http.MethodGet, "/v1/poison", http.StatusOK, "application/json"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), tt.method, s.url+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode != tt.status || !strings.HasPrefix(kind, tt.kind) {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, resp.StatusCode, kind)
		}
	}
}
