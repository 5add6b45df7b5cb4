package api

import "github.com/gorilla/mux"

// Router lets tests compare the routes with the description.
func (s *Server) Router() *mux.Router { return s.router }
