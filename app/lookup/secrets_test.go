package lookup_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/lookup"
)

// secretive is a lookup with a secret in every place that can hold one.
func secretive(url string) string {
	url = strings.Replace(url, "http://", "http://user-s3cret:pass-s3cret@", 1)
	return fmt.Sprintf(`users:
  http:
    url: '%s/users/{key}?token=query-s3cret'
    timeout: 200ms
    headers: {x-api-key: header-s3cret}
`, url)
}

func TestErrorsKeepSecrets(t *testing.T) {
	tests := []struct {
		name  string
		serve http.HandlerFunc
	}{
		{"a status", answer(503, "")},
		{"a timeout", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"no JSON", func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.URL, r.Header) }},
		{"a connection cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"a redirect to elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.invalid/?"+r.URL.RawQuery, http.StatusFound)
		}},
		{"a malformed redirect", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://[oops/?"+r.URL.RawQuery+"&key="+r.Header.Get("X-Api-Key"))
			w.WriteHeader(http.StatusFound)
		}},
		{"redirects without end", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
		}},
	}
	check := func(t *testing.T, url string) {
		set, logged := started(t, secretive(url), folder(""))
		_, _, err := get(t, set, "users").Get(t.Context(), "1")
		if err == nil {
			t.Fatal("no error")
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error tells a secret: %v", err)
		}
		if strings.Contains(err.Error(), "/users/") {
			t.Errorf("the error shows the URL: %v", err)
		}
		if logged.Len() > 0 {
			t.Errorf("an error that is returned was logged too: %s", logged)
		}
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.serve)
			defer server.Close()
			check(t, server.URL)
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		check(t, server.URL)
	})
}

func TestRedirects(t *testing.T) {
	var strangers int
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers++ }))
	defer stranger.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/users/1", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/people/1", http.StatusMovedPermanently)
	})
	mux.HandleFunc("/users/2", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL+"/people/2", http.StatusMovedPermanently)
	})
	mux.HandleFunc("/people/1", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "user-s3cret" || password != "pass-s3cret" || r.Header.Get("X-Api-Key") != "header-s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(`{"name": "Emma"}`))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	set, _ := started(t, secretive(server.URL), folder(""))
	users := get(t, set, "users")
	if record, found, err := users.Get(t.Context(), "1"); err != nil || !found || record["name"] != "Emma" {
		t.Errorf("a redirect on the same host: %v, %v, %v", record, found, err)
	}
	if _, _, err := users.Get(t.Context(), "2"); err == nil || !strings.Contains(err.Error(), "301") {
		t.Errorf("a redirect to another host: %v, want an error that says 301", err)
	}
	if strangers > 0 {
		t.Error("the other host was asked, with our headers")
	}
}

func TestURLFaults(t *testing.T) {
	tests := []struct {
		name, url, want string
	}{
		{"a misspelt name", "http://users/{kee}", "etc/kafka-notify.yaml:1:36: "},
		{"a hole not closed", "http://users/{key", "etc/kafka-notify.yaml:1:35: "},
		{"no hole", "http://users/all", "the url names no {key}"},
		{"a host out of the key", "http://{key}.internal/", "the host must not depend on the key"},
		{"a scheme out of the key", "{key}://users/", "must be absolute"},
		{"another scheme", "ftp://users/{key}", "must be absolute"},
		{"a relative url", "/users/{key}", "must be absolute"},
		{"a hole that fails", "http://users/{key.name}", "can't be filled in"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, faults := lookup.New(parse(t, "users: {http: {url: '"+test.url+"'}}"), folder(""), quiet())
			if len(faults) != 1 || !strings.Contains(faults[0].String(), test.want) {
				t.Errorf("faults:\n%v\nwant one that says\n%s", faults, test.want)
			}
		})
	}
}
