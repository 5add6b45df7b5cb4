package api_test

import (
	"net/http"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"

	"github.com/trieungochai/kafka-notify/app/api"
)

// Every route served stands in the description, and no other.
func TestRoutesAreDescribed(t *testing.T) {
	server, err := api.New(options(t))
	if err != nil {
		t.Fatal(err)
	}
	var served, described []string
	err = server.Router().Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		if err != nil {
			return err
		}
		for _, method := range methods {
			served = append(served, method+" "+path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range document(t).Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if diff := cmp.Diff(described, served); diff != "" {
		t.Errorf("(-openapi.yaml +server)\n%s", diff)
	}
}

func TestDescriptionIsServed(t *testing.T) {
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := start(t).do(t, http.MethodGet, "/openapi.yaml", "")
	if got.StatusCode != http.StatusOK || got.body != string(want) {
		t.Errorf("GET /openapi.yaml answers %d with %d bytes, want 200 with %d", got.StatusCode, len(got.body), len(want))
	}
}
