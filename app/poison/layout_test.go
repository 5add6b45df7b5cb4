package poison_test

import (
	"strings"
	"testing"

	"github.com/trieungochai/kafka-notify/app/poison"
)

func TestLayOut(t *testing.T) {
	for text, want := range map[string]string{
		`{"n":9007199254740993,"big":1e400,"a":[],"s":"\u00e9\"]}"}`: "{\n\t\"n\": 9007199254740993,\n\t\"big\": 1e400,\n\t\"a\": [],\n\t\"s\": \"\\u00e9\\\"]}\"\n}\n",
		" 1 ":     "1\n",
		`{"a":1`:  "",
		"no json": "",
		"\xff":    "",
		"":        "",
		// Each of a few thousand lines would begin with thousands of tabs.
		strings.Repeat("[", 9000) + strings.Repeat("]", 9000): "",
		strings.Repeat("]", 9000):                             "",
	} {
		if got, ok := poison.LayOut([]byte(text)); got != want || ok != (want != "") {
			t.Errorf("%.40q: %q, %t, want %q", text, got, ok, want)
		}
	}
}
