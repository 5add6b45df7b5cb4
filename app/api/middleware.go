package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/gorilla/mux"
)

// observed remembers how a request was answered.
type observed struct {
	http.ResponseWriter
	route  string
	status int
}

// WriteHeader implements http.ResponseWriter.
func (o *observed) WriteHeader(status int) {
	if o.status == 0 && status >= http.StatusOK {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (o *observed) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	return o.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what is behind.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// observe measures every request, and turns a panic into a problem, so that one
// bad request leaves the service unharmed.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.opts.Now()
		o := &observed{ResponseWriter: w, route: "none"}
		o.Header().Set("X-Content-Type-Options", "nosniff")
		defer func() {
			if failure := recover(); failure != nil {
				if err, ok := failure.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(failure)
				}
				s.opts.Logger.ErrorContext(r.Context(), "request panicked", "method", r.Method, "path", r.URL.Path,
					"panic", fmt.Sprint(failure), "stack", string(debug.Stack()))
				if o.status == 0 {
					s.writeProblem(o, r, kindInternal.problem("the service could not do this: its log says why"))
				}
			}
			s.metrics.request(o.route, r.Method, o.status, s.opts.Now().Sub(start))
		}()
		next.ServeHTTP(o, r)
	})
}

// labelRoute tells observe which route a request took.
func labelRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o, ok := w.(*observed); ok {
			if template, err := mux.CurrentRoute(r).GetPathTemplate(); err == nil {
				o.route = template
			}
		}
		next.ServeHTTP(w, r)
	})
}

// headAsGet serves HEAD as GET: net/http leaves the body out. Health checks
// like to ask that way.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.WithContext(context.WithValue(r.Context(), headKey{}, true))
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// headKey marks the context of a request that was HEAD.
type headKey struct{}

// isHead reports whether a GET was HEAD: an answer without an end would never
// let its connection go.
func isHead(r *http.Request) bool { return r.Context().Value(headKey{}) != nil }

// allowed lists the methods that are served at the path of r.
func (s *Server) allowed(r *http.Request) string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		asked := *r
		asked.Method = method
		var match mux.RouteMatch
		if s.router.Match(&asked, &match) && match.MatchErr == nil {
			methods = append(methods, method)
			if method == http.MethodGet {
				methods = append(methods, http.MethodHead)
			}
		}
	}
	return strings.Join(methods, ", ")
}
