package api_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

var cmpEvent = cmpopts.IgnoreUnexported(handler.Event{})

func notification(id string) *handler.Notification {
	return &handler.Notification{
		ID: id, Type: "follow", Recipient: handler.Person{ID: "1", Name: "Emma"}, Actor: &handler.Person{ID: "2", Name: "Bruno <b>"},
		Text: "<Bruno>", Data: []byte(`{ "n":9007199254740993,"html":"<&>" }`), CreatedAt: now.Truncate(time.Millisecond),
		Event: handler.EventRef{ID: "e-" + id, Source: "/s", Type: "follow", Time: now},
	}
}

func withNotifications(o *api.Options) {
	plain := notification("c")
	plain.Actor, plain.Event.Time = nil, time.Time{}
	o.Inbox = &inbox{people: map[string][]*handler.Notification{"1": {notification("a"), notification("b"), plain}, "a/b": {notification("x")}}}
}

func TestInbox(t *testing.T) {
	const (
		a = `{"id":"a","type":"follow","recipient":{"id":"1","name":"Emma"},"actor":{"id":"2","name":"Bruno <b>"},"text":"<Bruno>","data":{ "n":9007199254740993,"html":"<&>" },"created_at":"2026-01-02T15:04:05.123Z","event":{"id":"e-a","source":"/s","type":"follow","time":"2026-01-02T15:04:05.123456789Z"}}`
		c = `{"id":"c","type":"follow","recipient":{"id":"1","name":"Emma"},"actor":null,"text":"<Bruno>","data":{ "n":9007199254740993,"html":"<&>" },"created_at":"2026-01-02T15:04:05.123Z","event":{"id":"e-c","source":"/s","type":"follow","time":null}}`
	)
	b, x := strings.NewReplacer(`"a"`, `"b"`, "e-a", "e-b").Replace(a), strings.NewReplacer(`"a"`, `"x"`, "e-a", "e-x").Replace(a)
	tests := map[string]string{
		"/v1/users/1/notifications":                        `{"notifications":[` + c + `,` + b + `,` + a + `],"next_cursor":""}`,
		"/v1/users/1/notifications?limit=2":                `{"notifications":[` + c + `,` + b + `],"next_cursor":"after-2"}`,
		"/v1/users/1/notifications?limit=2&cursor=after-2": `{"notifications":[` + a + `],"next_cursor":""}`,
		"/v1/users/a%2fb/notifications":                    `{"notifications":[` + x + `],"next_cursor":""}`,
		"/v1/users/nobody/notifications":                   `{"notifications":[],"next_cursor":""}`,
	}
	s := start(t, withNotifications)
	for path, want := range tests {
		got := s.do(t, http.MethodGet, path, "")
		if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.Header.Get("Content-Type"))
		}
		if diff := cmp.Diff(want, strings.TrimSpace(got.body)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", path, diff)
		}
	}
}

func TestListFaults(t *testing.T) {
	tests := map[string]struct {
		path, want string
	}{
		"limit zero":      {"/v1/users/1/notifications?limit=0", "limit must be a number from 1 to 1000"},
		"limit too large": {"/v1/users/1/notifications?limit=1001", "limit must be a number from 1 to 1000"},
		"limit a word":    {"/v1/poison?limit=x", "limit must be a number from 1 to 1000"},
		"cursor":          {"/v1/users/1/notifications?cursor=x", "the cursor is none that this service has given"},
		"long cursor":     {"/v1/poison?cursor=" + strings.Repeat("x", 1025), "cursor is none that this service has given"},
		"query":           {"/v1/poison?limit=%zz", "the query of the address cannot be read"},
		"class":           {"/v1/poison?class=x", "class must be one of decode, schema"},
		"user too long":   {"/v1/users/" + strings.Repeat("A", 77) + "/notifications", "id takes 231 bytes in a topic name: at most 230 fit"},
		"user not UTF-8":  {"/v1/users/%ff/notifications", "id is not valid UTF-8"},
		"tutorial's user": {"/notifications/" + strings.Repeat("a", 231), "userID takes 231 bytes"},
	}
	s := start(t, withNotifications)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := s.do(t, http.MethodGet, tt.path, "")
			p := problemOf(t, got)
			if got.StatusCode != http.StatusBadRequest || p.Type != "urn:kafka-notify:problem:invalid-parameter" || !strings.Contains(p.Detail, tt.want) {
				t.Errorf("%d %s, want %q", got.StatusCode, got.body, tt.want)
			}
		})
	}
}

func TestListsWithoutABroker(t *testing.T) {
	for err, status := range map[error]int{errAway: http.StatusServiceUnavailable, errors.New("secret"): http.StatusInternalServerError} {
		s := start(t, func(o *api.Options) {
			o.Inbox, o.Poison = &inbox{err: err}, &console{err: err}
		})
		for _, path := range []string{"/v1/users/1/notifications", "/notifications/1", "/v1/poison", "/v1/poison/x"} {
			got := s.do(t, http.MethodGet, path, "")
			if got.StatusCode != status || strings.Contains(got.body, err.Error()) {
				t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
			}
		}
		if got := s.do(t, http.MethodPost, "/v1/poison/x/redrive", ""); got.StatusCode != status {
			t.Errorf("redrive: %d %s", got.StatusCode, got.body)
		}
	}
}
