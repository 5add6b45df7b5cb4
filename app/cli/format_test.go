package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "Emma & <b>", "Emma & <b>"},
		{"escape sequence", "\x1b[2J\x1b]0;title\a", `\x1b[2J\x1b]0;title\x07`},
		{"eight-bit escape", "\u009b2J", `\x9b2J`},
		{"line break and tab", "a\nb\tc\r", `a\nb\tc\x0d`},
		{"reversed line", "a\u202eb\u2066", `a\u202eb\u2066`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"invalid UTF-8", "a\xffb", "a\uFFFDb"},
		{"joined emoji and other scripts", "👩\u200d🚀 あ ع é", "👩\u200d🚀 あ ع é"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := printable(tt.text); got != tt.want {
				t.Errorf("printable: %q, want %q", got, tt.want)
			}
		})
	}
	if got, want := printableLines("a\n\tb\x1b"), "a\n\tb\\x1b"; got != want {
		t.Errorf("printableLines: %q, want %q", got, want)
	}
}

// Whatever stands in a string, a terminal is shown nothing to obey and a
// program reads the same.
func TestSafeJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.StringOf(rapid.RuneFrom([]rune("a\"\\\x1b\x7f\u0085\u009b\u202e\u2028\uFFFDあ👩<")))).Draw(t, "texts")
		encoded, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{safeJSON(encoded), indented(encoded)} {
			if i := strings.IndexFunc(string(text), func(r rune) bool { return obeyed(r) && r != '\n' }); i >= 0 {
				t.Fatalf("byte %d of %q is obeyed", i, text)
			}
			var got []string
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("the texts have changed (-want +got):\n%s", diff)
			}
		}
	})
}

func TestIndentedKeepsNumbersAndOrder(t *testing.T) {
	got := string(indented([]byte(`{"b":9007199254740993,"a":[1.50,1e3],"a":"\u003c\u0026"}`)))
	want := `{
  "b": 9007199254740993,
  "a": [
    1.50,
    1e3
  ],
  "a": "<&"
}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := string(indented([]byte("{no json"))); got != "{no json" {
		t.Errorf("what is no JSON became %q", got)
	}
}

func TestTable(t *testing.T) {
	rows := func() [][]string {
		return [][]string{
			{"ID", "WHO", "TEXT"},
			{"1", "ああ", "short"},
			{"22", "e\u0301", "あいうえおかきくけこさしすせそ"},
			{"3", "", "a\nb"},
		}
	}
	t.Run("not cut without a terminal", func(t *testing.T) {
		want := "ID  WHO   TEXT\n" +
			"1   ああ  short\n" +
			"22  e\u0301     あいうえおかきくけこさしすせそ\n" +
			"3         a\\nb\n"
		if diff := cmp.Diff(want, table(rows(), 0)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("cut to the line", func(t *testing.T) {
		lines := strings.Split(table(rows(), 32), "\n")
		if want := "22  e\u0301     あいうえおかきくけこ…"; lines[2] != want {
			t.Errorf("%q, want %q", lines[2], want)
		}
	})
	t.Run("narrow terminals keep something to read", func(t *testing.T) {
		lines := strings.Split(table(rows(), 5), "\n")
		if want := "22  e\u0301     あいうえおかきくけ…"; lines[2] != want {
			t.Errorf("%q, want %q", lines[2], want)
		}
	})
}
