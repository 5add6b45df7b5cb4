package api

import (
	_ "embed"
	"fmt"
	"net/http"
	"strings"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/trieungochai/kafka-notify/app/pipeline"
)

// openapi describes every route, for people and for generators of clients.
//
//go:embed openapi.yaml
var openapi []byte

// PipelineList is what runs.
type PipelineList struct {
	Pipelines []pipeline.Status `json:"pipelines"`
}

// HealthStatus answers the health checks.
type HealthStatus struct {
	Status string `json:"status"`
}

func (s *Server) operationRoutes(r *mux.Router) {
	r.Handle("/v1/pipelines", s.answer(s.getPipelines)).Methods(http.MethodGet)
	r.Handle("/v1/pipelines/{name}/resume", s.answer(s.resumePipeline)).Methods(http.MethodPost)
	r.Handle("/livez", s.answer(s.getLive)).Methods(http.MethodGet)
	r.Handle("/readyz", s.answer(s.getReady)).Methods(http.MethodGet)
	r.Handle("/metrics", promhttp.HandlerFor(s.opts.Metrics, promhttp.HandlerOpts{})).Methods(http.MethodGet)
	r.Handle("/openapi.yaml", s.answer(s.getOpenAPI)).Methods(http.MethodGet)
}

// getPipelines shows what runs, with counts and lag.
func (s *Server) getPipelines(w http.ResponseWriter, r *http.Request) error {
	list := s.opts.Pipelines.Status(r.Context())
	if list == nil {
		list = []pipeline.Status{} // "[]" in JSON, not null
	}
	for i := range list {
		withLists(&list[i])
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, typeJSON, PipelineList{list})
	return nil
}

// resumePipeline lets a pipeline go on that has paused itself. One that hasn't
// is left as it is.
func (s *Server) resumePipeline(w http.ResponseWriter, r *http.Request) error {
	name, err := pathID(r, "name")
	if err != nil {
		return err
	}
	status, found := s.opts.Pipelines.Resume(r.Context(), name)
	if !found {
		return kindNotFound.problem("there is no pipeline %q: GET /v1/pipelines lists those that run", name)
	}
	withLists(&status)
	writeJSON(w, http.StatusOK, typeJSON, status)
	return nil
}

// withLists makes lists that are empty "[]" in JSON, not null.
func withLists(s *pipeline.Status) {
	if s.Sources == nil {
		s.Sources = []pipeline.SourceStatus{}
	}
	if s.Handlers == nil {
		s.Handlers = []string{}
	}
	if s.Steps == nil {
		s.Steps = []pipeline.StepStatus{}
	}
	if s.Drops == nil {
		s.Drops = []pipeline.DropStatus{}
	}
	if s.Tiers == nil {
		s.Tiers = []pipeline.TierStatus{}
	}
}

// getLive says that the process answers; whether it can work is getReady's.
func (*Server) getLive(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, typeJSON, HealthStatus{"ok"})
	return nil
}

// getReady says whether the service can take and deliver events.
func (s *Server) getReady(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	ok, reasons := s.opts.Health.Ready(r.Context())
	if ok {
		writeJSON(w, http.StatusOK, typeJSON, HealthStatus{"ready"})
		return nil
	}
	p := kindNotReady.problem("the service is not ready: %s", strings.Join(reasons, "; "))
	for _, reason := range reasons {
		p.Errors = append(p.Errors, Fault{Detail: reason})
	}
	return p
}

// getOpenAPI serves the description of this API.
func (*Server) getOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	if _, err := w.Write(openapi); err != nil {
		return fmt.Errorf("write the description: %w", err)
	}
	return nil
}
