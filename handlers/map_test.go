package handlers_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/handlers/handler"
	"github.com/trieungochai/kafka-notify/handlers/handlertest"
)

func TestMap(t *testing.T) {
	tests := map[string]struct{ config, data, want string }{
		"set":               {`{set: {b: "{data.a}!"}}`, `{"a":1}`, `{"a":1,"b":"1!"}`},
		"set, in place":     {`{set: {a: "{data.a + 1}"}}`, `{"a":1,"b":2}`, `{"a":2,"b":2}`},
		"set, kinds":        {`{set: {a: {b: [1, "{data.n}", null, {}]}, c: true}}`, `{"n":[1.5]}`, `{"n":[1.5],"a":{"b":[1,[1.5],null,{}]},"c":true}`},
		"set, in order":     {`{set: {z: 1, y: 2, x: 3}}`, `{}`, `{"z":1,"y":2,"x":3}`},
		"set, nested":       {`{set: {a.b.c: 1, a.d: 2}}`, `{"a":{"x":0}}`, `{"a":{"x":0,"b":{"c":1},"d":2}}`},
		"set, in null":      {`{set: {a.b: 1}}`, `{"a": null}`, `{"a": {"b":1}}`},
		"set by each other": {`{set: {a: "{data.b}", b: "{data.a}"}}`, `{"a":1,"b":2}`, `{"a":2,"b":1}`},
		"rename":            {`{rename: {a: b}}`, `{"x":0, "a" : 1e2 ,"y":0}`, `{"x":0,"b":1e2 ,"y":0}`},
		"rename, replaces":  {`{rename: {a: b}}`, `{"b":0,"a":1}`, `{"b":1}`},
		"rename, not there": {`{rename: {a: b, c.d: e, f.g: h}}`, `{ "b":0,"f":1}`, `{ "b":0,"f":1}`},
		"rename, swap":      {`{rename: {a: b, b: a}}`, `{"a":1,"b":2,"c":3}`, `{"b":1,"a":2,"c":3}`},
		"rename, in a ring": {`{rename: {a: b, b: c, c: a}}`, `{"a":1,"b":2,"c":3}`, `{"b":1,"c":2,"a":3}`},
		"rename, nested":    {`{rename: {u.a: u.b}}`, `{"u":{"a":1,"c":2}}`, `{"u":{"b":1,"c":2}}`},
		"rename, out":       {`{rename: {u.a: name}}`, `{"u":{"a":{"x":1.0}},"v":1}`, `{"u":{},"v":1,"name":{"x":1.0}}`},
		"rename, in":        {`{rename: {a: u.x, b: v.w.x}}`, `{"a":1,"b":2,"u":{"y":3}}`, `{"u":{"y":3,"x":1},"v":{"w":{"x":2}}}`},
		"rename, into self": {`{rename: {a: a.b}}`, `{"a":1}`, `{"a":{"b":1}}`},
		"rename, unwrap":    {`{rename: {a.b: a}}`, `{"a":{"b":1,"c":2}}`, `{"a":1}`},
		"rename, and in it": {`{rename: {u: v, u.a: u.b}}`, `{"u":{"a":1,"c":2}}`, `{"v":{"c":2},"u":{"b":1}}`},
		"rename, then in":   {`{rename: {u: v, a: v.a}}`, `{"u":{"c":2},"a":1}`, `{"v":{"c":2,"a":1}}`},
		"remove":            {`{remove: [a, c.d, x, c.y, e.f]}`, `{"a":1,"b":2,"c":{"d":3},"e":4}`, `{"b":2,"c":{},"e":4}`},
		"remove, all":       {`{remove: [a]}`, `{ "a": 1 }`, `{ }`},
		"flatten":           {`{rename: {u.name: name}, remove: [u]}`, `{"u":{"name":"x","secret":1}}`, `{"name":"x"}`},
		"flatten to itself": {`{rename: {u.a: u.b}, remove: [u]}`, `{"u":{"a":1,"c":2}}`, `{"u":{"b":1}}`},
		"rename the rest":   {`{rename: {u: v}, remove: [u.secret]}`, `{"u":{"name":"x","secret":1}}`, `{"v":{"name":"x"}}`},
		"all three":         {`{rename: {a: b}, remove: [c], set: {c: "{data.a}{data.c}", b.x: 1}}`, `{"a":{"y":0},"c":3}`, ""},
		"set after all":     {`{rename: {a: b}, remove: [c], set: {c: "{data.c}{data.n}", b.x: 1}}`, `{"n":2,"a":{"y":0},"c":3}`, `{"n":2,"b":{"y":0,"x":1},"c":"32"}`},
		"numbers":           {`{set: {z: "{data.n}"}}`, `{"n":9007199254740993,"m":1e2,"o":1.50,"p":123456789012345678901234567890}`, `{"n":9007199254740993,"m":1e2,"o":1.50,"p":123456789012345678901234567890,"z":9007199254740993}`},
		"escapes":           {`{rename: {"a\"b": "c\"d"}, set: {"é<": "<é>"}}`, `{"a\u0022b":"\u00e9", "\u00e9<" : "\/"}`, `{"c\"d":"\u00e9", "\u00e9<" : "<é>"}`},
		"spaces":            {`{set: {a.z: 1}}`, "{ \"a\" : { } ,\n\t\"b\":[ 1, {\"a\": 2 } ] }", "{ \"a\" : {\"z\":1} ,\n\t\"b\":[ 1, {\"a\": 2 } ] }"},
		"looked at only":    {`{remove: [a.x, b.x, c.d.x]}`, "{ \"a\" : { } ,\"b\":{ \"y\" : 1 }, \"c\": {\"d\" : [ ]} }", "{ \"a\" : { } ,\"b\":{ \"y\" : 1 }, \"c\": {\"d\" : [ ]} }"},
	}
	for name, tt := range tests {
		m := handlertest.Message(tt.data)
		before := m.Event
		result, err := handlertest.Handler(t, "map: "+tt.config).Handle(t.Context(), m)
		if failed := tt.want == ""; failed != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		if diff := cmp.Diff(tt.want, string(m.Event.Data)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if len(result.Messages()) != 1 || result.Messages()[0] != m {
			t.Errorf("%s: the message is not passed on", name)
		}
		if m.Event == before || string(before.Data) != tt.data {
			t.Errorf("%s: the event itself was changed", name)
		}
	}
}

// Handlers that follow see the new data; the event is the same, and others keep its old data.
func TestMapInAChain(t *testing.T) {
	chain := handlertest.Chain(t, `
- split: {over: "{data.to}", as: p}
- filter: {when: 'data.to.size() == 2 && event.data.to == data.to'}
- map: {set: {to: "{p}", n: "{data.n}"}, rename: {n: big}}
- filter: {when: 'data.to == p && event.data.to == p && event.id == "e1"'}
- compose: {to: "{data.to}", text: "{data.n} {data.big}"}
- route: {topic: "notifications.user.{data.to}"}
`)
	m := handlertest.Message(`{"to":["a","b"], "n":1e2}`)
	for range 2 {
		outputs, drops, err := chain.Run(t.Context(), m, nil)
		if err != nil || len(drops) != 0 || len(outputs) != 2 {
			t.Fatalf("%d outputs, dropped %v, %v", len(outputs), drops, err)
		}
		n := outputs[1].Notification
		if n.Text != "100 100" || string(n.Data) != `{"to":"b","big":1e2,"n":100}` || n.Event.ID != "e1" || !n.Event.Time.Equal(m.Event.Time) {
			t.Errorf("the notification: %s with %s of %+v", n.Text, n.Data, n.Event)
		}
	}
	if string(m.Event.Data) != `{"to":["a","b"], "n":1e2}` {
		t.Errorf("the event that came has other data: %s", m.Event.Data)
	}
}

// What no path leads to stays, to the last space.
func TestMapLeavesTheRest(t *testing.T) {
	var value *rapid.Generator[string]
	space := rapid.SampledFrom([]string{"", "", " ", "\n\t", "  "})
	scalar := rapid.SampledFrom([]string{"1", "-0.0", "1e2", "1E400", "9007199254740993", "null", "true", `""`, `"\u00e9,}{"`, `"é\\"`, "[]", "[ 1,{ } ]", "{}", "{ }"})
	value = rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 2).Draw(t, "nested") > 0 {
			return scalar.Draw(t, "scalar")
		}
		var members []string
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", `\u0064`, ""}), 1, 4, rapid.ID).Draw(t, "names") {
			members = append(members, space.Draw(t, "1")+`"`+name+`"`+space.Draw(t, "2")+":"+space.Draw(t, "3")+value.Draw(t, "value")+space.Draw(t, "4"))
		}
		return "{" + strings.Join(members, ",") + "}"
	})
	look := handlertest.Handler(t, `map: {remove: [a.z, a.b.z, b.c.z, d.a.d.z, c.z.z]}`)
	rapid.Check(t, func(rt *rapid.T) {
		data := `{"a":` + value.Draw(rt, "a") + `,"b":` + value.Draw(rt, "b") + `, "c" :` + value.Draw(rt, "c") + ` }`
		m := handlertest.Message(data)
		if _, err := look.Handle(t.Context(), m); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(data, string(m.Event.Data)); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestMapErrors(t *testing.T) {
	deep := strings.Repeat(`{"a":`, handler.MaxDepth) + "1" + strings.Repeat("}", handler.MaxDepth)
	for _, tt := range []struct{ config, data, want string }{
		{`{set: {a: 1}}`, `[1]`, "the data is no object"},
		{`{set: {a: 1}}`, `null`, "the data is no object"},
		{`{set: {a: 1}}`, ``, "the data is no object"},
		{`{set: {a: 1}}`, `{"a":1,"a":2}`, "decode data: "},
		{`{set: {a.b: 1}}`, `{"a":"x"}`, "set: a is no object"},
		{`{set: {a.b.c: 1}}`, `{"a":{"b":[{}]}}`, "set: a.b is no object"},
		{`{rename: {a: b.c}}`, `{"a":1,"b":2}`, "rename: b is no object"},
		{`{set: {a: ["{data.b}"]}}`, `{}`, "set: a: {data.b}: no such key: b"},
		{`{set: {b: "{data}"}}`, deep, "the new data: decode data: nested deeper than 100"},
	} {
		m := handlertest.Message(tt.data)
		_, err := handlertest.Handler(t, "map: "+tt.config).Handle(t.Context(), m)
		if err == nil || handler.ClassOf(err) != handler.ClassExpression || !handler.IsPermanent(err) || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s of %s: got error %v, want %s", tt.config, tt.data, err, tt.want)
		}
		if m.Event == nil || string(m.Event.Data) != tt.data {
			t.Errorf("%s of %s: the event has changed", tt.config, tt.data)
		}
	}
}

func TestMapFaults(t *testing.T) {
	for yaml, want := range map[string]string{
		`- map: {}`:                              "test.yaml:1:3: map: changes nothing: it needs rename, remove or set",
		`- map: {set: {}, remove: []}`:           "test.yaml:1:3: map: changes nothing: it needs rename, remove or set",
		`- map: {set: {a..b: 1}}`:                `test.yaml:1:15: "a..b" is no path: write names with dots between, such as user.name`,
		`- map: {rename: {a: ""}}`:               `test.yaml:1:21: "" is no path`,
		`- map: {remove: [a, .b]}`:               `test.yaml:1:21: ".b" is no path`,
		`- map: {set: {a: "{dta.b}"}}`:           `test.yaml:1:20: unknown name "dta"`,
		`- map: {rename: {a: b}, remove: [a]}`:   "test.yaml:1:34: a is renamed or removed already, by a",
		`- map: {remove: [a, a]}`:                "test.yaml:1:21: a is renamed or removed already, by a",
		`- map: {rename: {a: c, b: c}}`:          "test.yaml:1:27: c would overwrite c, which is written before",
		`- map: {rename: {a: b.c}, set: {b: 1}}`: "test.yaml:1:33: b would overwrite b.c, which is written before",
		`- map: {set: {a.b: 1, a: 1}}`:           "test.yaml:1:23: a would overwrite a.b, which is written before",
		`- map: {sett: {a: 1}}`:                  `unknown key "sett"`,
	} {
		if faults := handlertest.Faults(t, yaml); len(faults) != 1 || !strings.Contains(faults.Error(), want) {
			t.Errorf("%s: got\n%s\nwant %s", yaml, faults, want)
		}
	}
	handlertest.Handler(t, `map: {rename: {u.a: n, u.b: u.c}, remove: [u], set: {a: {}, a.b: 2, n.x: 3}}`)
}
