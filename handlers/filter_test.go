package handlers_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

func TestFilter(t *testing.T) {
	tests := map[string]struct {
		when, data string
		reason     string
		class      handler.Class
	}{
		"kept":           {when: "data.n > 1", data: `{"n":2}`},
		"dropped":        {when: "data.n > 1", data: `{"n":1}`, reason: "filtered"},
		"2^53+1":         {when: "data.n != 9007199254740992", data: `{"n":9007199254740993}`},
		"missing key":    {when: "data.n > 1", data: `{}`, class: handler.ClassExpression},
		"not a boolean":  {when: "data.n", data: `{"n":1}`, class: handler.ClassExpression},
		"missing, asked": {when: "has(data.n) && data.n > 1", data: `{}`, reason: "filtered"},
	}
	for name, tt := range tests {
		h := handlertest.Handler(t, "filter: {when: '"+tt.when+"'}")
		m := handlertest.Message(tt.data)
		result, err := h.Handle(t.Context(), m)
		if tt.class != "" {
			if err == nil || handler.ClassOf(err) != tt.class || !handler.IsPermanent(err) {
				t.Errorf("%s: got error %v, want a permanent one of class %s", name, err, tt.class)
			}
			continue
		}
		if err != nil || result.Reason() != tt.reason {
			t.Errorf("%s: got reason %q, %v, want %q", name, result.Reason(), err, tt.reason)
		}
		if passed := len(result.Messages()) == 1 && result.Messages()[0] == m; passed != (tt.reason == "") {
			t.Errorf("%s: passed on is %t", name, passed)
		}
	}
}

func TestFilterFaults(t *testing.T) {
	faults := handlertest.Faults(t, "- filter: {when: 'actr.id == \"1\"'}", handlertest.Names("actor"))
	got := [][2]any{{faults[0].Pos.String(), faults[0].Hint}}
	if diff := cmp.Diff([][2]any{{"test.yaml:1:19", `did you mean "actor"?`}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
