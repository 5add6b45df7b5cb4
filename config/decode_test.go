package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/config"
)

type common struct {
	Name string `yaml:"name"`
}

type upper string

func (u *upper) DecodeNode(n config.Node) config.Faults {
	var text string
	if faults := n.Decode(&text); len(faults) > 0 {
		return faults
	}
	if text == "" {
		return config.Faults{n.Faultf("empty")}
	}
	*u = upper(strings.ToUpper(text))
	return nil
}

type element struct {
	A int `yaml:"a"`
	B int `yaml:"b"`
}

func (e *element) SetDefaults() { e.B = 7 }

type target struct {
	common
	Text   config.Text        `yaml:"text,required"`
	Raw    config.Node        `yaml:"raw"`
	Flag   bool               `yaml:"flag"`
	Small  int8               `yaml:"small"`
	Big    uint64             `yaml:"big"`
	Factor float64            `yaml:"factor"`
	Wait   time.Duration      `yaml:"wait"`
	Upper  upper              `yaml:"upper"`
	List   []element          `yaml:"list"`
	Map    map[string]element `yaml:"map"`
	Ptr    *element           `yaml:"ptr"`
	Any    any                `yaml:"any"`
	Left   string
	Self   config.Node `yaml:",self"`
}

func TestDecode(t *testing.T) {
	n := parse(t, `
name: n
text: "{x}"
raw: [1]
flag: true
small: -5
big: 18446744073709551615
factor: 2
wait: 1m30s
upper: abc
list: [{a: 1}, {b: 2}]
map: {1: {a: 1}}
ptr:
any: {x: [1]}
`)
	got := target{Left: "left", List: []element{{1, 1}, {2, 2}, {3, 3}}}
	if faults := n.Decode(&got); len(faults) > 0 {
		t.Fatal(faults)
	}
	want := target{
		common: common{"n"},
		Text:   config.Text{Value: "{x}", Node: n.Get("text")},
		Raw:    n.Get("raw"),
		Flag:   true, Small: -5, Big: 18446744073709551615, Factor: 2, Wait: 90 * time.Second, Upper: "ABC",
		List: []element{{1, 7}, {0, 2}},
		Map:  map[string]element{"1": {1, 7}},
		Ptr:  &element{0, 7},
		Any:  map[string]any{"x": []any{int64(1)}},
		Left: "left",
		Self: n,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(target{})); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	if got.Text.Node.Pos().Line != 3 {
		t.Errorf("text stands at %s", got.Text.Node.Pos())
	}
}

func TestDecodeFaults(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                          `missing key "text" at the top level`,
		"{txt: a}":                    `unknown key "txt" at the top level (did you mean "text"?)`,
		"{text: a, small: 200}":       "small must be an integer of at most 8 bits, not 200",
		"{text: a, big: -1}":          "big must be an integer of 0 or more, not -1",
		"{text: a, factor: x}":        `factor must be a number, not "x"`,
		"{text: a, upper: ''}":        "empty",
		"{text: a, list: {}}":         "list must be a list, not a mapping",
		"{text: a, map: []}":          "map must be a mapping, not a list",
		"{text: a, map: {k: {c: 1}}}": `unknown key "c" in map.k (did you mean "a"?)`,
		"{text: a, list: [{a: x}]}":   `list[0].a must be an integer, not "x"`,
		"{text: a, ptr: 5}":           "ptr must be a mapping, not 5",
		"{text: [a]}":                 "text must be a string, not a list",
		"{text: }":                    "text has no value; it must be a string (leave the key out for the default)",
		"{text: true}":                `text must be a string, not true (quote it: "true")`,
		"{text: a, Left: b}":          `unknown key "Left" at the top level`,
	} {
		var into target
		faults := parse(t, text).Decode(&into)
		if len(faults) != 1 {
			t.Errorf("%s: %d faults: %s", text, len(faults), faults)
			continue
		}
		got, _, _ := strings.Cut(faults[0].String(), "\n")
		if got = strings.SplitN(got, ": ", 2)[1]; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A password of digits is a text where a text belongs.
func TestDecodeVariableIntoString(t *testing.T) {
	var into map[string]string
	if faults := parse(t, "{a: ${DIGITS}, b: ${YES}}").Decode(&into); len(faults) > 0 {
		t.Fatal(faults)
	}
	if diff := cmp.Diff(map[string]string{"a": "0123456789", "b": "true"}, into); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestDecodeHook(t *testing.T) {
	n := parse(t, "{text: a, name: b, list: [{a: 1}], small: x}")
	var asked []string
	var got target
	faults := n.Decode(&got, config.WithHook(func(into any, n config.Node) (bool, config.Faults) {
		asked = append(asked, n.Path())
		switch into := into.(type) {
		case *config.Text:
			into.Value = "from the hook"
			return true, nil
		case *element:
			into.B = 9 // a default, decoding goes on
		case *int8:
			return true, config.Faults{n.Faultf("refused")}
		}
		return false, nil
	}))
	if len(faults) != 1 || faults[0].Message != "refused" {
		t.Errorf("faults = %s", faults)
	}
	if got.Text.Value != "from the hook" || got.Name != "b" || got.List[0] != (element{1, 9}) {
		t.Errorf("decoded %+v", got)
	}
	if want := []string{"name", "text", "small", "list", "list[0]", "list[0].a"}; !cmp.Equal(want, asked) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}
