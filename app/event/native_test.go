package event_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/event"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func TestParseNative(t *testing.T) {
	tests := map[string]struct {
		text string
		want *handler.Event
	}{
		"least": {
			`{"type":"follow","data":` + oddData + `}`,
			&handler.Event{Type: "follow", Source: "/kafka-notify/follow", Data: []byte(oddData)},
		},
		"all": {
			` {"id":"1","source":"a b","time":"2026-01-02T15:04:05.123456789Z", "data": null ,"type":"follow"} `,
			&handler.Event{ID: "1", Type: "follow", Source: "a%20b", Time: when, Data: []byte("null")},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := event.ParseNative(jsontext.Value(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, sameEvent); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestParseNativeFaults(t *testing.T) {
	tests := map[string]struct {
		text string
		want string
	}{
		"nothing":            {``, "invalid JSON at line 1, column 1 (byte 0): the text is empty"},
		"no object":          {`"x"`, "is no JSON object but a string"},
		"empty":              {`{}`, "/type is missing; /data is missing"},
		"null type":          {`{"type":null,"data":1}`, "/type is null, must be a string"},
		"empty type":         {`{"type":"","data":1}`, "/type is empty"},
		"unknown member":     {`{"type":"t","data":1,"idd":"x"}`, "/idd is unknown: an event has type, data, id, source and time"},
		"CloudEvent":         {`{"type":"t","data":1,"specversion":"1.0"}`, "/specversion belongs to a CloudEvent: submit it with the content type application/cloudevents+json"},
		"empty id":           {`{"type":"t","data":1,"id":""}`, "/id is empty: leave it out to have one made"},
		"number as id":       {`{"type":"t","data":1,"id":7}`, "/id is a number, must be a string"},
		"long id":            {`{"type":"t","data":1,"id":"` + strings.Repeat("x", 1025) + `"}`, "/id has 1025 bytes: at most 1024 are allowed"},
		"control character":  {`{"type":"t","data":1,"id":"a\u007fb"}`, "/id holds a control character"},
		"source":             {`{"type":"t","data":1,"source":"%zz"}`, "/source is no URI reference"},
		"time":               {`{"type":"t","data":1,"time":"2026-13-01T00:00:00Z"}`, `/time is "2026-13-01T00:00:00Z": write the time after RFC 3339, such as 2026-01-02T15:04:05Z`},
		"duplicate":          {`{"type":"t","data":1,"type":"u"}`, `invalid JSON at line 1, column 22 (byte 21): the name "type" stands twice in one object`},
		"something after":    {`{"type":"t","data":1}]`, `invalid JSON at line 1, column 22 (byte 21): there is something after the JSON value`},
		"pointer is escaped": {`{"type":"t","data":1,"a/~":2}`, "/a~1~0 is unknown"},
		"every fault":        {`{"time":1,"id":2}`, "/time is a number, must be a string; /id is a number, must be a string; /type is missing; /data is missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := event.ParseNative(jsontext.Value(tt.text))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("ParseNative gave %+v and\n%v, want\n%s", got, err, tt.want)
			}
		})
	}
}

func TestSplitArray(t *testing.T) {
	tests := map[string]struct {
		text  string
		limit int
		want  []string
		err   string
	}{
		"empty":           {` [ ] `, 2, nil, ""},
		"verbatim":        {"[ 1 ,{ \"a\" : [2] }]", 2, []string{"1", `{ "a" : [2] }`}, ""},
		"too many":        {`[1,2,3]`, 2, nil, "too many items"},
		"no array":        {`{}`, 2, nil, "is no JSON array but an object"},
		"not closed":      {`[1,2`, 2, nil, "the text ends in the middle of a value"},
		"something after": {`[1] 2`, 2, nil, "(byte 4): there is something after the JSON value"},
		"fault in it":     {"[1,\n{\"a\":1,\"a\":2}]", 2, nil, `line 2, column 8 (byte 11): the name "a" stands twice`},
		"comma":           {`[1,]`, 2, nil, "invalid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			items, err := event.SplitArray([]byte(tt.text), tt.limit)
			if (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if err != nil {
				return
			}
			var got []string
			for _, item := range items {
				got = append(got, string(item))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckID(t *testing.T) {
	for id, want := range map[string]string{
		"f-1": "", "": "is missing", " ": "is empty", "a\tb": "holds a control character", "\xff": "is not valid UTF-8",
		strings.Repeat("x", 1024): "", strings.Repeat("x", 1025): "has 1025 bytes: at most 1024 are allowed",
	} {
		if got := event.CheckID(id); got != want {
			t.Errorf("CheckID(%.20q) = %q, want %q", id, got, want)
		}
	}
}
