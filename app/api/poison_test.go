package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/poison"
)

func entry(id, value string) poison.Entry {
	return poison.Entry{
		ID: id, Pipeline: "follow", Class: "lookup_missing", Step: "enrich (kafka-notify.yaml:57:9)", Reason: "no <user>",
		Topic: "events.follow", Partition: 4, Offset: 17, Key: "1", Value: poison.Value(value),
		Headers: []poison.Header{{Key: "event_id", Value: "f-9"}, {Key: "event_id", Value: "f-9"}}, EventID: "f-9", EventType: "follow",
		Attempts: 1, FirstFailedAt: now, LastFailedAt: now, Fingerprint: "5f2a",
		Record: poison.Place{Topic: "notifications.poison", Offset: 2, Timestamp: now},
	}
}

func TestPoison(t *testing.T) {
	topic := &poisonTopic{entries: []poison.Entry{entry("json", `{"a":9007199254740993}`), entry("text", "no json"), entry("binary", "\xff\x00")}}
	s := start(t, func(o *api.Options) { o.Poison = topic })
	list := s.do(t, http.MethodGet, "/v1/poison?pipeline=follow&class=lookup_missing&limit=7&cursor=c", "")
	if list.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", list.StatusCode, list.body)
	}
	for _, want := range []string{`"value":{"a":9007199254740993}`, `"value_text":"no json"`, `"value_base64":"/wA="`, `"next_cursor":"next"`, `"headers":[{"key":"event_id"`} {
		if !strings.Contains(list.body, want) {
			t.Errorf("the list lacks %s: %s", want, list.body)
		}
	}
	want := poison.Query{Pipeline: "follow", Class: "lookup_missing", Limit: 7, Cursor: "c"}
	if diff := cmp.Diff(want, topic.query); diff != "" {
		t.Errorf("query (-want +got)\n%s", diff)
	}
	if got := s.do(t, http.MethodGet, "/v1/poison/text", ""); got.StatusCode != http.StatusOK || !strings.Contains(got.body, `"value_text":"no json"`) {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	for _, got := range []answer{s.do(t, http.MethodGet, "/v1/poison/none", ""), s.do(t, http.MethodPost, "/v1/poison/none/redrive", "")} {
		if p := problemOf(t, got); got.StatusCode != http.StatusNotFound || p.Type != "urn:kafka-notify:problem:not-found" {
			t.Errorf("%d %s", got.StatusCode, got.body)
		}
	}
	got := s.do(t, http.MethodPost, "/v1/poison/json/redrive", "")
	if got.StatusCode != http.StatusAccepted || strings.TrimSpace(got.body) != `{"id":"json","pipeline":"follow","topic":"notifications.retry.follow.0","redrives":1}` {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if got := s.do(t, http.MethodPost, "/v1/poison/json/redrive", "", "Origin", "https://evil.example"); got.StatusCode != http.StatusForbidden {
		t.Errorf("from another origin: %d %s", got.StatusCode, got.body)
	}
}

func TestEmptyPoisonIsAList(t *testing.T) {
	got := start(t).do(t, http.MethodGet, "/v1/poison", "")
	if strings.TrimSpace(got.body) != `{"entries":[],"next_cursor":"next"}` {
		t.Error(got.body)
	}
}

// refusing refuses every redrive.
type refusing struct{ poisonTopic }

func (*refusing) Redrive(_ context.Context, _ string) (poison.Receipt, error) {
	return poison.Receipt{}, &poison.RefusedError{Reason: `no pipeline "follow" runs here`}
}

func TestRefusedRedrive(t *testing.T) {
	s := start(t, func(o *api.Options) { o.Poison = &refusing{} })
	got := s.do(t, http.MethodPost, "/v1/poison/x/redrive", "")
	if p := problemOf(t, got); got.StatusCode != http.StatusConflict || p.Detail != `no pipeline "follow" runs here` {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}
