package poison_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/poison"
)

// A value is shown as what it is, and comes back byte for byte.
func TestValuesSurviveJSON(t *testing.T) {
	for _, value := range []string{`{"n":9007199254740993,"f":1e400}`, `"text"`, `not JSON`, `{"a":"<b> & c"}`, `<script>`, "\xff\x00", "", `null`} {
		in := poison.Entry{ID: "a", Value: poison.Value(value), Headers: []poison.Header{}}
		text, err := in.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var out poison.Entry
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `\u003c`) {
			t.Errorf("%q is escaped: %s", value, text)
		}
		if string(out.Value) != value {
			t.Errorf("%q came back as %q by %s", value, out.Value, text)
		}
	}
}
