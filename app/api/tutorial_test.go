package api_test

import (
	"bytes"
	"errors"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

const formType = "application/x-www-form-urlencoded"

func form(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

func multipartForm(t *testing.T, pairs ...string) (contentType, body string) {
	t.Helper()
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	for i := 0; i < len(pairs); i += 2 {
		if err := w.WriteField(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), text.String()
}

func TestSend(t *testing.T) {
	multi, multiBody := multipartForm(t, "fromID", "2", "toID", "1", "message", `Hi "Emma" <3`)
	tests := map[string]struct {
		path, contentType, body string
		status                  int
		answer                  string
		data                    string
	}{
		"sent": {
			"/send", formType, form("fromID", "2", "toID", "1", "message", "Hello, Emma"), 200,
			`{"message":"Notification sent successfully!"}`, `{"from_id":"2","to_id":"1","message":"Hello, Emma"}`,
		},
		"multipart": {
			"/send", multi, multiBody, 200,
			`{"message":"Notification sent successfully!"}`, `{"from_id":"2","to_id":"1","message":"Hi \"Emma\" <3"}`,
		},
		"numbers as Atoi reads them": {
			"/send", formType, form("fromID", "+002", "toID", "01", "message", ""), 200,
			`{"message":"Notification sent successfully!"}`, `{"from_id":"2","to_id":"1","message":""}`,
		},
		"fromID first": {
			"/send", formType, form("fromID", "x", "toID", "y"), 400,
			`{"message":"failed to parse ID from form value fromID: strconv.Atoi: parsing \"x\": invalid syntax"}`, "",
		},
		"then toID": {
			"/send", formType, form("fromID", "2", "toID", ""), 400,
			`{"message":"failed to parse ID from form value toID: strconv.Atoi: parsing \"\": invalid syntax"}`, "",
		},
		"escaped for HTML": {
			"/send", formType, form("fromID", "<&>"), 400,
			`{"message":"failed to parse ID from form value fromID: strconv.Atoi: parsing \"\u003c\u0026\u003e\": invalid syntax"}`, "",
		},
		"out of range": {
			"/send", formType, form("fromID", "99999999999999999999"), 400,
			`{"message":"failed to parse ID from form value fromID: strconv.Atoi: parsing \"99999999999999999999\": value out of range"}`, "",
		},
		"the query is no form": {
			"/send?fromID=2&toID=1", formType, "", 400,
			`{"message":"failed to parse ID from form value fromID: strconv.Atoi: parsing \"\": invalid syntax"}`, "",
		},
		"no form": {
			"/send", "application/json", `{"fromID":2}`, 400,
			`{"message":"failed to parse ID from form value fromID: strconv.Atoi: parsing \"\": invalid syntax"}`, "",
		},
		"broken multipart": {
			"/send", "multipart/form-data; boundary=x", "--y", 400,
			`{"message":"failed to parse ID from form value fromID: strconv.Atoi: parsing \"\": invalid syntax"}`, "",
		},
		"unknown sender":   {"/send", formType, form("fromID", "9", "toID", "1"), 404, `{"message":"User not found"}`, ""},
		"unknown receiver": {"/send", formType, form("fromID", "1", "toID", "-1"), 404, `{"message":"User not found"}`, ""},
		"invalid UTF-8": {
			"/send", formType, "fromID=1&toID=2&message=%ff", 400,
			`{"message":"the form value message is not valid UTF-8"}`, "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			got := s.do(t, http.MethodPost, tt.path, tt.body, "Content-Type", tt.contentType)
			if got.StatusCode != tt.status || got.body != tt.answer || got.Header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%d %s\n%q, want %d\n%q", got.StatusCode, got.Header.Get("Content-Type"), got.body, tt.status, tt.answer)
			}
			if tt.data == "" {
				if len(s.publisher.records) > 0 {
					t.Error("something was published")
				}
				return
			}
			if len(s.publisher.records) != 1 {
				t.Fatalf("%d records", len(s.publisher.records))
			}
			rec := s.publisher.records[0]
			e, err := event.Decode(rec.Headers, rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			want := &handler.Event{ID: "made-1", Source: "/kafka-notify/message", Type: "message", Time: now, Data: []byte(tt.data)}
			if diff := cmp.Diff(want, e, cmpEvent); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if rec.Topic != "events.message" || string(rec.Key) != "1" {
				t.Errorf("record to %s, key %q", rec.Topic, rec.Key)
			}
		})
	}
}

func TestSendFails(t *testing.T) {
	sent := form("fromID", "2", "toID", "1", "message", "x")
	tests := map[string]struct {
		change func(o *api.Options)
		status int
		answer string
	}{
		"broker away": {
			failing(errAway, "made-1"), 500,
			`{"message":"failed to send the message: the broker did not confirm it"}`,
		},
		"lookup away": {
			func(o *api.Options) { o.Users = users{err: errors.New("down")} }, 500,
			`{"message":"failed to look up a user: down"}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := start(t, tt.change).do(t, http.MethodPost, "/send", sent, "Content-Type", formType)
			if got.StatusCode != tt.status || got.body != tt.answer {
				t.Errorf("%d %s, want %d %s", got.StatusCode, got.body, tt.status, tt.answer)
			}
		})
	}
}

func TestSendIsServedOnlyWhereItCanWork(t *testing.T) {
	s := start(t, func(o *api.Options) { o.Users = nil })
	got := s.do(t, http.MethodPost, "/send", form("fromID", "2", "toID", "1"), "Content-Type", formType)
	if got.StatusCode != http.StatusNotFound || problemOf(t, got).Type != "urn:kafka-notify:problem:not-found" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestSendSizeLimit(t *testing.T) {
	s := start(t)
	large := strings.Repeat("x", api.DefaultMaxBytes)
	multi, multiBody := multipartForm(t, "fromID", "2", "toID", "1", "message", large)
	for contentType, body := range map[string]string{formType: form("fromID", "2", "toID", "1", "message", large), multi: multiBody} {
		got := s.do(t, http.MethodPost, "/send", body, "Content-Type", contentType)
		if got.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", contentType, got.StatusCode, got.body)
		}
	}
	if len(s.publisher.records) > 0 {
		t.Error("something was published")
	}
}

func TestSendFromAnotherSite(t *testing.T) {
	s := start(t)
	got := s.do(t, http.MethodPost, "/send", form("fromID", "2", "toID", "1"), "Content-Type", formType, "Sec-Fetch-Site", "cross-site")
	if got.StatusCode != http.StatusForbidden || len(s.publisher.records) > 0 {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestTutorialList(t *testing.T) {
	emma, bruno := handler.Person{ID: "1", Name: "Emma"}, handler.Person{ID: "2", Name: "Bruno"}
	s := start(t, func(o *api.Options) {
		o.Inbox = &inbox{people: map[string][]*handler.Notification{
			"1": {
				{Recipient: emma, Actor: &bruno, Text: "first <b>"},
				{Recipient: emma, Actor: nil, Text: "second"},
				{Recipient: emma, Actor: &handler.Person{ID: "007", Name: "James"}, Text: "third"},
			},
			"a/b é": {{Recipient: handler.Person{ID: "a/b é", Name: "A"}, Actor: &handler.Person{ID: "-5", Name: "M"}, Text: "x"}},
		}}
	})
	tests := map[string]string{
		"/notifications/1": `{"notifications":[{"from":{"id":2,"name":"Bruno"},"to":{"id":1,"name":"Emma"},"message":"first \u003cb\u003e"},` +
			`{"from":null,"to":{"id":1,"name":"Emma"},"message":"second"},` +
			`{"from":{"id":"007","name":"James"},"to":{"id":1,"name":"Emma"},"message":"third"}]}`,
		"/notifications/a%2Fb%20%C3%A9": `{"notifications":[{"from":{"id":-5,"name":"M"},"to":{"id":"a/b é","name":"A"},"message":"x"}]}`,
		"/notifications/2":              `{"message":"No notifications found for user","notifications":[]}`,
		"/notifications/nobody":         `{"message":"No notifications found for user","notifications":[]}`,
	}
	for path, want := range tests {
		got := s.do(t, http.MethodGet, path, "")
		if got.StatusCode != http.StatusOK || got.body != want || got.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: %d %s\n%s\nwant\n%s", path, got.StatusCode, got.Header.Get("Content-Type"), got.body, want)
		}
	}
}
