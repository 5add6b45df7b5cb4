//go:build browser

package app_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/record"
)

// history puts a day of other failures into the poison topic.
func (s *instance) history() {
	s.t.Helper()
	var records []*record.Record
	for _, cause := range []struct {
		pipeline, class, step, reason, fingerprint string

		hours map[int]int // how many failed so many hours ago
	}{
		{
			"follow", "lookup_missing", "enrich config/kafka-notify.yaml:57", `actor: lookup users has no record with the key "5"`, "8d1f0c44a2b95e10",
			map[int]int{1: 4, 2: 9, 3: 14, 4: 11, 5: 3, 6: 1},
		},
		{
			"message", "lookup_unavailable", "enrich config/kafka-notify.yaml:74", "recipient: GET http://users.internal/users/2: 503 Service Unavailable", "1b77c0de9a6f3320",
			map[int]int{8: 6, 9: 17, 10: 8, 11: 2},
		},
		{
			"follow", "schema", "schema config/kafka-notify.yaml:54", "/data/followee_id: got null, want string or integer", "c40a7be1f5d28893",
			map[int]int{0: 1, 3: 1, 7: 2, 12: 1, 16: 2, 21: 1},
		},
		{"message", "timeout", "enrich config/kafka-notify.yaml:74", "recipient: no answer within 2s", "e2915fd0374bb6ca", map[int]int{8: 2, 9: 3, 15: 1}},
	} {
		for hour, count := range cause.hours {
			for i := range count {
				n := fmt.Sprint(len(records))
				at := time.Now().Add(-time.Duration(hour)*time.Hour - time.Duration(i)*time.Second).UTC().Format(time.RFC3339Nano)
				rec := &record.Record{
					Topic: "notifications.poison." + s.run, Key: []byte(n),
					Value: fmt.Appendf(nil, `{"specversion":"1.0","id":"h-%s","source":"/app","type":%q,"data":{"follower_id":"5","followee_id":%q}}`, n, cause.pipeline, n),
				}
				for name, value := range map[string]string{
					record.PoisonID: "history-" + n, record.HandlerPoisoned: cause.pipeline, record.PoisonClass: cause.class,
					record.PoisonStep: cause.step, record.ReasonPoisoned: cause.reason, record.PoisonFingerprint: cause.fingerprint,
					record.TopicPoisoned: "events." + cause.pipeline, record.PoisonPartition: "3", record.PoisonOffset: n,
					record.PoisonAttempts: "3", record.PoisonRedrives: "0", record.PoisonFirstFailedAt: at, record.PoisonLastFailedAt: at,
					record.HeaderEventID: "h-" + n, record.HeaderEventType: cause.pipeline, record.HeaderOrigin: "events." + cause.pipeline + "/3/" + n,
					record.HeaderContentType: "application/cloudevents+json",
				} {
					rec.Set(name, value)
				}
				records = append(records, rec)
			}
		}
	}
	slices.SortFunc(records, func(a, b *record.Record) int {
		return strings.Compare(a.Get(record.PoisonLastFailedAt), b.Get(record.PoisonLastFailedAt))
	})
	for _, rec := range records {
		s.produce(rec)
	}
}

// A day of failures is a chart for each cause, and a list of several pages.
func turnPages(t *testing.T, s *instance, b *tab) {
	s.history()
	b.visit("/ui/poison?filter=" + url.QueryEscape(`topic in ["events.follow", "events.message"]`))
	b.until("all of them", "document.querySelectorAll('.groups li').length === 4 && document.querySelector('#list-title').innerText === '89 messages'")
	if sizes := is[string](b, "[...document.querySelectorAll('.groups .size')].map(e => e.innerText).join(' ')"); sizes != "42 33 8 6" {
		t.Errorf("groups of %s", sizes)
	}
	b.shot("groups")
	b.press("n")
	b.until("the second page", "location.search.includes('cursor=') && document.querySelectorAll('#list tbody tr').length === 39")
	b.press("p")
	b.until("the first page", "!location.search.includes('cursor=') && document.querySelectorAll('#list tbody tr').length === 50")
}
