package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/config"
)

// A deploy that knows nobody: 200 follows of people whom users.yaml lacks.
const (
	follows     = 200
	pausesAfter = 20
)

// follower is the person who follows in the n-th event.
func follower(n int) string { return fmt.Sprint(1000 + n) }

// everybody is testUsers with all followers.
func everybody() string {
	var people strings.Builder
	for n := range follows {
		fmt.Fprintf(&people, "%s: {name: %q}, ", follower(n), "No. "+follower(n))
	}
	return strings.Replace(testUsers, "{1:", "{"+people.String()+"1:", 1)
}

// broken is a service that is paused, because every event fails.
func broken(t *testing.T, delivery string, trial time.Duration) *instance {
	t.Helper()
	site := newSite(t)
	site.yaml = strings.Replace(site.yaml, "DELIVERY", delivery, 1)
	site.yaml += fmt.Sprintf("breaker: {messages: %d, trial: %s}\n", pausesAfter, trial)
	s := site.start()
	for n := range follows {
		s.accept(fmt.Sprint("e", n), follower(n), fmt.Sprint(n%4+1))
	}
	eventually(t, "a pause", func() bool { return s.pipeline().State == "paused" })
	return s
}

type pipelineState struct {
	State    string
	Poisoned int
	Breaker  *struct {
		Since, NextTrial   time.Time
		Share              float64
		Poisoned, Finished int
		Class, Step        string
	}
}

func (s *instance) pipeline() pipelineState {
	s.t.Helper()
	var list struct{ Pipelines []pipelineState }
	s.get("/v1/pipelines", &list)
	return list.Pipelines[0]
}

// repair makes users.yaml known to the service, with everybody in it.
func (s *instance) repair() {
	s.t.Helper()
	stale := func() string { return s.metric(`kafka_notify_lookup_file_stale{lookup="users"}`) }
	s.write("users.yaml", "1: [no, record]")
	eventually(s.t, "the faulty file is seen", func() bool { return stale() == "1" })
	s.write("users.yaml", everybody())
	eventually(s.t, "the repaired file is in use", func() bool { return stale() == "0" })
}

// resume asks for it and returns the status of the answer.
func (s *instance) resume(name string) int {
	s.t.Helper()
	resp, err := http.Post(s.url+"/v1/pipelines/"+name+"/resume", "", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	text(s.t, resp)
	return resp.StatusCode
}

func (s *instance) paused() string {
	s.t.Helper()
	return s.metric(`kafka_notify_pipeline_paused{pipeline="follow-` + s.run + `"}`)
}

// told is who follows somebody, by the notifications of all four, each once.
func (s *instance) told() []string {
	s.t.Helper()
	var texts []string
	for person := range 4 {
		texts = append(texts, s.inbox(fmt.Sprint(person+1))...)
	}
	slices.Sort(texts)
	return texts
}

// everyFollow is what told says when nothing is lost and nothing is there twice.
func everyFollow() []string {
	all := make(map[string]bool)
	for n := range follows {
		all["No. "+follower(n)+" started following you."] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// A pipeline that poisons too much pauses; resumed by hand, it delivers what
// has waited, and a redrive the rest.
func TestAPausedPipelineIsResumed(t *testing.T) {
	for _, delivery := range []string{config.ExactlyOnce, config.AtLeastOnce} {
		t.Run(delivery, func(t *testing.T) {
			s := broken(t, delivery, time.Hour)
			got := s.pipeline().Breaker
			if got == nil || got.Share != 1 || got.Poisoned != pausesAfter || got.Finished != pausesAfter ||
				got.Class != "lookup_missing" || !strings.HasPrefix(got.Step, "enrich ") || time.Since(got.Since) > time.Minute {
				t.Errorf("breaker: %+v", got)
			}
			if got := s.paused(); got != "1" {
				t.Errorf("the metric is %q", got)
			}
			var ready struct{ Status string }
			s.get("/readyz", &ready)

			s.repair() // takes seconds, in which nothing more is poisoned
			if got := s.pipeline(); got.State != "paused" || got.Poisoned != pausesAfter || len(s.told()) != 0 {
				t.Errorf("in the pause: %+v, %d delivered", got, len(s.told()))
			}
			if code := s.resume("unheard-of"); code != http.StatusNotFound {
				t.Errorf("an unknown pipeline: %d", code)
			}
			for range 2 {
				if code := s.resume("follow-" + s.run); code != http.StatusOK {
					t.Fatalf("resume: %d", code)
				}
			}
			eventually(t, "what has waited", func() bool { return len(s.told()) == follows-pausesAfter })
			if got := s.pipeline(); got.State != "running" || got.Breaker != nil || s.paused() != "0" {
				t.Errorf("afterwards: %+v, the metric %q", got, s.paused())
			}
			poison := s.poison()
			if len(poison) != pausesAfter {
				t.Fatalf("%d are poisoned", len(poison))
			}
			for _, p := range poison {
				s.redrive(p.ID)
			}
			eventually(t, "the redriven", func() bool { return len(s.told()) == follows })
			if diff := cmp.Diff(everyFollow(), s.told()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// When the cause is gone, a message that is tried lets the pipeline go on.
func TestAPausedPipelineGoesOnByItself(t *testing.T) {
	for _, delivery := range []string{config.ExactlyOnce, config.AtLeastOnce} {
		t.Run(delivery, func(t *testing.T) {
			s := broken(t, delivery, 100*time.Millisecond)
			s.repair() // takes seconds, in which many are tried in vain
			eventually(t, "what has waited", func() bool { return len(s.told()) == follows-pausesAfter })
			if got := s.pipeline(); got.State != "running" || len(s.poison()) != pausesAfter {
				t.Errorf("afterwards: %+v, %d poisoned", got, len(s.poison()))
			}
		})
	}
}

// A pause holds up no stop, and loses nothing of what waits.
func TestAPausedPipelineStops(t *testing.T) {
	for _, delivery := range []string{config.ExactlyOnce, config.AtLeastOnce} {
		t.Run(delivery, func(t *testing.T) {
			s := broken(t, delivery, time.Hour)
			began := time.Now()
			s.stop()
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("stopping took %v", took)
			}
			s.write("users.yaml", everybody())
			s = s.start()
			eventually(t, "what has waited", func() bool { return len(s.told()) == follows-pausesAfter })
			if n := len(s.poison()); n != pausesAfter {
				t.Errorf("%d are poisoned", n)
			}
		})
	}
}
