package handler_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

type stepConfig struct {
	Path string `yaml:"path,required" doc:"its place in the walk"`
}

type eitherConfig struct {
	Path string         `yaml:"path,required" doc:"its place in the walk"`
	Yes  *handler.Block `yaml:"yes" doc:"one way"`
	No   *handler.Block `yaml:"no" doc:"the other"`
}

// walk is where messages were, in order, and which way they take at an either.
type walk struct {
	at  []string
	yes map[string]bool
}

// walkers returns handler types that note in w where a message is: step, and either, which has blocks.
func walkers(w *walk) *handler.Registry {
	r := handler.NewRegistry()
	handler.Add(r, handler.Type[stepConfig]{
		Name: "step", Summary: "Steps.", Example: "- step: {path: a}",
		New: func(c stepConfig, _ *handler.Build) (handler.Handler, error) {
			return handleFunc(func(_ context.Context, m *handler.Message) (handler.Result, error) {
				w.at = append(w.at, c.Path)
				return handler.Next(m), nil
			}), nil
		},
	})
	handler.Add(r, handler.Type[eitherConfig]{
		Name: "either", Summary: "Takes one way.", Example: "- either: {path: a}",
		New: func(c eitherConfig, b *handler.Build) (handler.Handler, error) {
			if c.Yes == nil || c.No == nil {
				b.Optional()
			}
			return handleFunc(func(_ context.Context, m *handler.Message) (handler.Result, error) {
				w.at = append(w.at, c.Path)
				way := c.No
				if w.yes[c.Path] {
					way = c.Yes
				}
				if way == nil {
					return handler.Next(m), nil
				}
				return handler.Enter(m, way), nil
			}), nil
		},
	})
	return r
}

func chainOf(yaml string, r *handler.Registry) (*handler.Chain, error) {
	node, faults := config.Parse("test.yaml", []byte(yaml), nil)
	var steps []config.Step
	if faults = append(faults, node.Decode(&steps)...); len(faults) > 0 {
		return nil, faults
	}
	c, faults := r.Chain(steps, handler.Deps{})
	return c, faults.Err()
}

// A message takes the way that the nesting of the file says, whatever is in what, and Follows agrees.
func TestBlocksNest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &walk{yes: make(map[string]bool)}
		var yaml strings.Builder
		var want, all []string
		// list writes a list of handlers, and what is walked of it if it is.
		var list func(depth int, path string, walked bool)
		list = func(depth int, path string, walked bool) {
			n := rapid.IntRange(0, 3).Draw(t, "handlers")
			if depth == 0 {
				n++
			}
			yaml.WriteString("[")
			for i := range n {
				at := fmt.Sprintf("%s%d", path, i)
				all = append(all, at)
				if walked {
					want = append(want, at)
				}
				if depth == 3 || rapid.Bool().Draw(t, "plain") {
					fmt.Fprintf(&yaml, "step: {path: %q}, ", at)
					continue
				}
				yes := rapid.Bool().Draw(t, "yes")
				w.yes[at] = yes
				fmt.Fprintf(&yaml, "either: {path: %q", at)
				for _, way := range []string{"yes", "no"} {
					if rapid.Bool().Draw(t, way) {
						yaml.WriteString(", " + way + ": ")
						list(depth+1, at+way, walked && yes == (way == "yes"))
					}
				}
				yaml.WriteString("}, ")
			}
			yaml.WriteString("]")
		}
		list(0, "", true)
		c, err := chainOf(yaml.String(), walkers(w))
		if err != nil {
			t.Fatalf("%s\n%s", err, yaml.String())
		}
		if _, _, failed := c.Run(context.Background(), handlertest.Message(`{}`), nil); failed != nil {
			t.Fatal(failed)
		}
		if diff := cmp.Diff(want, w.at); diff != "" {
			t.Fatalf("%s\nthe walk (-want +got):\n%s", yaml.String(), diff)
		}
		for i, from := range w.at {
			for _, to := range w.at[i+1:] {
				if !c.Follows(slices.Index(all, from), slices.Index(all, to)) {
					t.Fatalf("%s\n%s follows %s, and Follows doesn't know", yaml.String(), to, from)
				}
			}
		}
	})
}

func TestFollows(t *testing.T) {
	c, err := chainOf(`[either: {path: a, yes: [step: {path: b}], no: [step: {path: c}, step: {path: d}]}, step: {path: e}]`, walkers(&walk{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		i, j int
		want bool
	}{{0, 1, true}, {0, 4, true}, {1, 2, false}, {1, 4, true}, {2, 3, true}, {3, 2, false}, {4, 0, false}, {4, 4, false}} {
		if got := c.Follows(tt.i, tt.j); got != tt.want {
			t.Errorf("%d after %d: %t", tt.j, tt.i, got)
		}
	}
}
