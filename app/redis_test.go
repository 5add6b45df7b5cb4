//go:build redis

package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/store/storetest"
)

// onRedis puts the claims of a site's services into a Redis.
func (s *site) onRedis(r *storetest.Redis) {
	s.yaml = strings.Replace(s.yaml, "{embedded: {data_dir: DIR/store}}", `{redis: {url: "`+r.URL()+`"}}`, 1)
	s.yaml = strings.Replace(s.yaml, ", single_instance: true", "", 1)
}

// counts are how many messages the instance has delivered and dropped.
func (s *instance) counts() (delivered, dropped int) {
	s.t.Helper()
	var page struct {
		Pipelines []struct{ Delivered, Dropped, Retried, Poisoned int }
	}
	s.get("/v1/pipelines", &page)
	for _, p := range page.Pipelines {
		delivered, dropped = delivered+p.Delivered, dropped+p.Dropped
		if p.Retried+p.Poisoned > 0 {
			s.t.Errorf("%d retried, %d poisoned", p.Retried, p.Poisoned)
		}
	}
	return delivered, dropped
}

func (s *instance) ready() (ok bool, why string) {
	s.t.Helper()
	resp, err := http.Get(s.url + "/readyz")
	if err != nil {
		s.t.Fatal(err)
	}
	why = text(s.t, resp)
	return resp.StatusCode == http.StatusOK, why
}

// An event id that is submitted to two instances is one notification, whichever
// of them comes to work on which of the two records: events of one id and
// different keys lie in different partitions.
func TestInstancesDeliverAnEventOnce(t *testing.T) {
	site := newSite(t)
	newBroker(t, site)
	site.onRedis(storetest.StartRedis(t))
	const people, events = 12, 60
	var users []string
	for i := range events { // each has a follower of its own, for the file deduplicates by follower too
		users = append(users, fmt.Sprintf("p%d: {name: Person %d}, f%d: {name: Follower %d}", i, i, i, i))
	}
	site.write("users.yaml", "{"+strings.Join(users, ", ")+"}")
	a, b := site.start(), site.start()
	eventually(t, "both ready", func() bool {
		first, _ := a.ready()
		second, _ := b.ready()
		return first && second
	})

	for i := range events {
		id, follower := fmt.Sprint("e", i), fmt.Sprint("f", i)
		a.accept(id, follower, fmt.Sprint("p", i%people))
		b.accept(id, follower, fmt.Sprint("p", (i+5)%people))
	}
	var delivered [2]int
	eventually(t, "all processed", func() bool {
		total := 0
		for i, s := range []*instance{a, b} {
			n, dropped := s.counts()
			delivered[i] = n
			total += n + dropped
			if n+dropped == 0 {
				return false
			}
		}
		return total == 2*events
	})
	listed := 0
	for i := range people {
		listed += len(a.inbox(fmt.Sprint("p", i)))
	}
	if got := delivered[0] + delivered[1]; got != events || listed != events {
		t.Errorf("%d events: %d + %d notifications, %d listed", events, delivered[0], delivered[1], listed)
	}
}

// While Redis is away, events are accepted and wait: no attempt is used up.
func TestTheServiceOutlivesItsRedis(t *testing.T) {
	site := newSite(t)
	redis := storetest.StartRedis(t, "--appendfsync", "always")
	site.onRedis(redis)
	s := site.start()
	s.accept("before", "2", "1")
	eventually(t, "delivery", func() bool { return len(s.inbox("1")) == 1 })

	redis.Kill()
	s.accept("before", "2", "1")
	s.accept("meanwhile", "3", "1")
	eventually(t, "not ready because of the store", func() bool {
		ok, why := s.ready()
		return !ok && strings.Contains(why, "redis")
	})
	eventually(t, "waiting", func() bool {
		return s.metric(`kafka_notify_messages_waiting{pipeline="follow-`+s.run+`"}`) != "0"
	})

	redis.Restart()
	eventually(t, "both processed", func() bool {
		delivered, dropped := s.counts()
		return delivered == 2 && dropped == 1
	})
	if got := strings.Join(s.inbox("1"), " "); !strings.Contains(got, "Rick") || strings.Count(got, "Bruno") != 1 {
		t.Errorf("inbox: %s", got)
	}
	eventually(t, "ready", func() bool { ok, _ := s.ready(); return ok })
}
