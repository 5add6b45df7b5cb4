package api

import (
	"net"
	"net/http"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

// Headers by which a front says who asks. Until there is authentication, they
// are a name for the timeline and nothing more.
const (
	HeaderOperator = "Operator-Name"
	HeaderFront    = "Operator-Front"
)

// maxOperator bounds what a front says of who asks, in bytes.
const maxOperator = 100

// caller is who sent a request.
func caller(r *http.Request) action.By {
	by := action.By{
		Address: remoteHost(r), Name: record.Text(r.Header.Get(HeaderOperator), maxOperator),
		Front: record.Text(r.Header.Get(HeaderFront), maxOperator),
	}
	if by.Front == "" {
		by.Front = "api"
	}
	return by
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// permitted serves only callers that may do what the route does.
func (s *Server) permitted(what poison.Permission, serve func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return s.answer(func(w http.ResponseWriter, r *http.Request) error {
		if err := poison.May(caller(r), r.Host, what); err != nil {
			return kindForbidden.problem("%s", err)
		}
		return serve(w, r)
	})
}
