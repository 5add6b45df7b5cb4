package web

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/trieungochai/kafka-notify/app/poison"
)

// policy lets a page load what this service serves, and nothing else: no markup
// of a message could run even if it got into a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard sets the headers of every answer, refuses what a page of another site
// sends, and turns a panic into a page.
func (s *site) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(s.answer(crossOrigin))
	guarded := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		// With no-referrer a form would come from the origin "null", which is
		// refused where the browser says no more than that.
		h.Set("Referrer-Policy", "same-origin")
		defer func() {
			failure := recover()
			if failure == nil {
				return
			}
			if err, ok := failure.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(failure)
			}
			s.fail(w, r, fmt.Errorf("panic: %v\n%s", failure, debug.Stack()))
		}()
		guarded.ServeHTTP(w, r)
	})
}

// serveFunc answers a request, or says why it can't.
type serveFunc func(w http.ResponseWriter, r *http.Request) error

// answer turns a function that may fail into a handler: the error becomes a page.
func (s *site) answer(serve serveFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// permitted serves only callers that may do what the route does, and only forms
// of a size that pages send.
func (s *site) permitted(what poison.Permission, serve serveFunc) http.Handler {
	return s.answer(func(w http.ResponseWriter, r *http.Request) error {
		if err := may(r, what); err != nil {
			return &failure{Status: http.StatusForbidden, Title: "You may not do that here", Detail: err.Error()}
		}
		// A form escapes a byte as three at the most, and a line feed takes six.
		r.Body = http.MaxBytesReader(w, r.Body, int64(6*s.opts.MaxBytes+formOverhead))
		if err := r.ParseForm(); err != nil {
			return badForm(err)
		}
		return serve(w, r)
	})
}

// formOverhead is what a form may have besides a payload, in bytes.
const formOverhead = 256 << 10
