package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/config"
)

func TestServerURL(t *testing.T) {
	for _, tt := range []struct{ listen, want string }{
		{"127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"0.0.0.0:8080", "http://127.0.0.1:8080"},
		{"[::]:8080", "http://127.0.0.1:8080"},
		{":8080", "http://127.0.0.1:8080"},
		{"[::1]:8080", "http://[::1]:8080"},
		{"localhost:80", "http://localhost:80"},
	} {
		if got, err := serverURL(tt.listen); err != nil || got != tt.want {
			t.Errorf("serverURL(%q) = %q, %v; want %q", tt.listen, got, err, tt.want)
		}
	}
	if got, err := serverURL("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "--server") {
		t.Errorf("a port that changes: %q, %v; want an error that names --server", got, err)
	}
}

func TestShellQuote(t *testing.T) {
	for text, want := range map[string]string{
		"0b0c-3e":               "0b0c-3e",
		"conf/a.yaml":           "conf/a.yaml",
		"http://127.0.0.1:8080": "http://127.0.0.1:8080",
		"my file.yaml":          "'my file.yaml'",
		"$(rm -rf x)":           "'$(rm -rf x)'",
		"it's":                  `'it'\''s'`,
		"":                      "''",
	} {
		if got := shellQuote(text); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", text, got, want)
		}
	}
}

// A hint repeats every file, a sentence names a few.
func TestConfigFileNames(t *testing.T) {
	for _, tt := range []struct {
		paths       []string
		flags, name string
	}{
		{nil, "", "the built-in configuration"},
		{[]string{"a.yaml"}, " --config a.yaml", "a.yaml"},
		{[]string{"a.yaml", "my kinds"}, " --config a.yaml --config 'my kinds'", "a.yaml, my kinds"},
		{[]string{"a", "b", "c", "d"}, " --config a --config b --config c --config d", "a, b and 2 more"},
	} {
		s := service{file: configFile{paths: tt.paths}}
		if got := s.flags(); got != tt.flags {
			t.Errorf("flags of %q: %q, want %q", tt.paths, got, tt.flags)
		}
		if got := s.file.name(); got != tt.name {
			t.Errorf("name of %q: %q, want %q", tt.paths, got, tt.name)
		}
	}
}

func TestCollect(t *testing.T) {
	stored := make([]int, 2500)
	for i := range stored {
		stored[i] = i
	}
	// asked serves the list as the service does, and notes what was asked.
	type request struct {
		Limit  int
		Cursor string
	}
	for _, tt := range []struct {
		name     string
		pages    pages
		want     []int
		next     string
		requests []request
	}{
		{"the newest", pages{limit: 3}, stored[:3], "3", []request{{3, ""}}},
		{"more than a page", pages{limit: 1500}, stored[:1500], "1500", []request{{1000, ""}, {500, "1000"}}},
		{"exactly all", pages{limit: 2500}, stored, "", []request{{1000, ""}, {1000, "1000"}, {500, "2000"}}},
		{"more than there are", pages{limit: 9999}, stored, "", []request{{1000, ""}, {1000, "1000"}, {1000, "2000"}}},
		{"all, from a cursor", pages{limit: 20, all: true, cursor: "2000"}, stored[2000:], "", []request{{1000, "2000"}}},
		{"nothing left", pages{limit: 20, cursor: "2500"}, []int{}, "", []request{{20, "2500"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var requests []request
			list, next, err := collect(&tt.pages, func(limit int, cursor string) ([]int, string, error) {
				requests = append(requests, request{limit, cursor})
				from := 0
				if cursor != "" {
					if _, err := fmt.Sscan(cursor, &from); err != nil {
						return nil, "", err
					}
				}
				to := min(from+limit, len(stored))
				if to == len(stored) {
					return stored[from:], "", nil
				}
				return stored[from:to], fmt.Sprint(to), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(list, tt.want) || list == nil {
				t.Errorf("%d items, want %d", len(list), len(tt.want))
			}
			if next != tt.next {
				t.Errorf("cursor %q, want %q", next, tt.next)
			}
			if diff := cmp.Diff(tt.requests, requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
	failure := errors.New("away")
	if _, _, err := collect(&pages{limit: 1}, func(int, string) ([]int, string, error) { return nil, "", failure }); !errors.Is(err, failure) {
		t.Errorf("error %v, want %v", err, failure)
	}
}

func TestTopicSummary(t *testing.T) {
	cfg := &config.Config{Events: map[string]config.Event{}, Poison: config.Poison{Topic: "notifications.poison"}}
	for i := range 12 {
		cfg.Events[fmt.Sprintf("e%02d", i)] = config.Event{}
	}
	topics := []string{"events.e00", "notifications.poison", "notifications.retry.a.0", "notifications.retry.a.1"}
	want := "events.e00, events.e01, events.e02, events.e03, events.e04, events.e05, events.e06, events.e07, " +
		"4 more events.*, notifications.user.<id>, notifications.poison, 2 retry topics"
	if diff := cmp.Diff(want, topicSummary(cfg, topics)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
