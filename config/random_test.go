package config_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/config"
)

// Whatever a configuration says, and in however many files, Show says the same
// in one.
func TestShowIsTheSame(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		folder, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(folder) }()
		r := &randomConfig{T: t}
		sections := r.sections()
		r.write(folder, sections)
		c, err := config.Load(testEnv, folder)
		if err != nil {
			t.Fatal(err)
		}
		checkNames(t, sections, c)

		shown := show(t, c)
		file := filepath.Join(folder, "shown")
		if err := os.WriteFile(file, []byte(shown), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := config.Load(testEnv, file)
		if err != nil {
			t.Fatalf("what is shown does not load:\n%s\n%s", shown, err)
		}
		if diff := cmp.Diff(c, again, sameConfig); diff != "" {
			t.Fatalf("loaded again (-before +after):\n%s\nshown:\n%s", diff, shown)
		}
		if diff := cmp.Diff(shown, show(t, again)); diff != "" {
			t.Fatalf("shown again (-before +after):\n%s", diff)
		}
	})
}

func show(t *rapid.T, c *config.Config) string {
	shown, err := c.Show()
	if err != nil {
		t.Fatal(err)
	}
	return string(shown)
}

// checkNames makes sure that nothing that was written is lost.
func checkNames(t *rapid.T, sections mapping, c *config.Config) {
	got := map[string][]string{
		"lookups":       slices.Sorted(maps.Keys(c.Lookups)),
		"events":        slices.Sorted(maps.Keys(c.Events)),
		"pipelines":     slices.Sorted(maps.Keys(c.Pipelines)),
		"handler_types": slices.Sorted(maps.Keys(c.HandlerTypes)),
	}
	for section, names := range got {
		var want []string
		if i := slices.IndexFunc(sections, func(p pair) bool { return p.key == section }); i >= 0 {
			for _, p := range sections[i].value.(mapping) {
				want = append(want, p.key)
			}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, names); diff != "" {
			t.Fatalf("%s (-written +loaded):\n%s", section, diff)
		}
	}
}

// A random configuration is written from mappings, lists ([]any), texts
// (string), and scalars that stand in the file as they are (bare).
type (
	mapping []pair
	pair    struct {
		key   string
		value any
	}
	bare string
)

// randomConfig draws what a valid configuration may say. It says nothing that
// Show masks.
type randomConfig struct{ *rapid.T }

func (r *randomConfig) chance() bool { return rapid.Bool().Draw(r.T, "chance") }

func (r *randomConfig) choose(of ...any) any { return rapid.SampledFrom(of).Draw(r.T, "choice") }

func (r *randomConfig) between(low, high int) any {
	return bare(fmt.Sprint(rapid.IntRange(low, high).Draw(r.T, "number")))
}

func (r *randomConfig) share() any {
	return bare(fmt.Sprint(rapid.Float64Range(0, 1).Draw(r.T, "share")))
}

func (r *randomConfig) duration(low, high time.Duration) any {
	d := rapid.Int64Range(int64(low), int64(high)).Draw(r.T, "duration")
	unit := r.choose(time.Nanosecond, time.Millisecond, time.Second, time.Minute, time.Hour).(time.Duration)
	return max(low, time.Duration(d).Truncate(unit)).String()
}

// anyDuration is one for which there is no other rule than that it is not zero.
func (r *randomConfig) anyDuration() any { return r.duration(time.Millisecond, 1000*time.Hour) }

// maybe leaves out some of the pairs.
func (r *randomConfig) maybe(pairs ...pair) mapping {
	return slices.DeleteFunc(mapping(pairs), func(pair) bool { return r.chance() })
}

// awkward are texts that YAML, or this format, could take for something else.
var awkward = []string{
	"a: b", "#", " #", "- a", "? a", "&a", "*a", "!a", "|", ">", "%a", "@a", "`", "{a}", "[a]", "{", "}", ",", "''", "'", "\"", "\\", "\\n", ":", "a:",
	"", " ", " leading", "trailing ", "\ttab\t", "line\nbreak", "\nleading", "trailing\n", "two\n\n", "  a\n b\n",
	"null", "~", "true", "Yes", "on", "1", "-1", "0x1F", "0o17", "1_000", "1e3", ".5", ".inf", ".NaN", "2026-01-02", "12:30", "<<", "=", "---", "...",
	"${", "${PORT}", "$${PORT}", "a ${SECRET:-x} b", "$", "$$", "{{", "日本語 ✓", "é", "\u00a0", "\u2028", "\u0085", "\ufeff", "😀", "<a href>&amp;", "***",
}

func (r *randomConfig) text() string {
	if r.chance() {
		return rapid.SampledFrom(awkward).Draw(r.T, "text")
	}
	return rapid.StringOfN(rapid.RuneFrom([]rune("ab:# \n\t'\"\\${}[]-,é日😀.")), 0, 12, -1).Draw(r.T, "text")
}

// word is a text that is not blank.
func (r *randomConfig) word() string { return "w" + r.text() }

// name is a name of something, at most one of each.
func (r *randomConfig) names() []string {
	return rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9][a-z0-9.-]{0,5}`), 0, 4, rapid.ID[string]).Draw(r.T, "names")
}

func (r *randomConfig) sections() mapping {
	sections := r.maybe(
		pair{"http", r.maybe(pair{"listen", r.choose("127.0.0.1:0", "localhost:80", "[::1]:8080")}, pair{"max_bytes", r.between(1, 1<<30)}, pair{"max_events", r.between(1, 1000)})},
		pair{"poison", r.maybe(pair{"topic", r.choose("dead", "1", "1.5", "null", "a-b")}, pair{"max_redrives", r.between(1, 1000)})},
		pair{"idempotency_window", r.anyDuration()},
		pair{"shutdown_timeout", r.anyDuration()},
		pair{"log", r.maybe(pair{"level", r.choose("debug", "info", "warn", "error")}, pair{"format", r.choose("text", "json")})},
		pair{"lookups", r.lookups()},
		pair{"handler_types", r.handlerTypes()},
	)
	sections = append(sections, r.brokers()...)
	sections = append(sections, r.policies()...)
	events := mapping{{"some", mapping{{"key", "{data.id}"}}}}
	for _, name := range r.names() {
		if name != "some" {
			events = append(events, pair{name, append(mapping{{"key", r.word()}}, r.maybe(pair{"partitions", r.between(1, 100)}, pair{"schema", r.schema()})...)})
		}
	}
	pipelines := r.pipelines(events)
	sections = append(sections, pair{"events", events}, pair{"pipelines", pipelines})
	if len(pipelines) > 0 && r.chance() {
		sections = append(sections, pair{"tests", r.tests(pipelines, sections.get("lookups"))})
	}
	return sections
}

// get returns the names of a section, nil without one.
func (m mapping) get(key string) mapping {
	i := slices.IndexFunc(m, func(p pair) bool { return p.key == key })
	if i < 0 {
		return nil
	}
	names, _ := m[i].value.(mapping)
	return names
}

// brokers are the sections kafka and store, or what there is of them.
func (r *randomConfig) brokers() mapping {
	embedded := mapping{{"embedded", r.maybe(pair{"listen", r.choose("127.0.0.1:9092", "localhost:0")}, pair{"data_dir", r.word()})}}
	cluster := append(mapping{{"brokers", r.choose([]any{"a:1"}, []any{"kafka-1:9092", "[::1]:9093"})}}, r.maybe(
		pair{"tls", r.maybe(pair{"ca", r.word()}, pair{"server_name", r.word()})})...)
	store := mapping{{"embedded", r.maybe(pair{"data_dir", r.word()})}}
	redis := mapping{{"redis", mapping{{"url", r.choose("redis://localhost", "rediss://r:6380/1", "unix:///run/r.sock?db=1")}}}}

	kafka := embedded
	if r.chance() {
		kafka = append(cluster, pair{"single_instance", bare("true")})
	}
	kafka = append(kafka, r.maybe(pair{"replication", r.between(1, 5)}, pair{"max_user_topics", r.between(0, 1000)},
		pair{"auto_offset_reset", r.choose("earliest", "none")},
		pair{"retention", r.maybe(pair{"events", r.anyDuration()}, pair{"delivery", r.anyDuration()}, pair{"poison", r.anyDuration()})})...)
	return r.maybe(pair{"kafka", kafka}, pair{"store", r.choose(store, redis)})
}

func (r *randomConfig) lookups() mapping {
	var lookups mapping
	for _, name := range r.names() {
		lookup := mapping{{"file", r.word()}}
		if r.chance() {
			lookup = mapping{{"http", append(mapping{{"url", r.choose("http://users/{key}", "https://[::1]:80/é/{key}#a")}}, r.maybe(
				pair{"timeout", r.anyDuration()},
				pair{"cache", r.maybe(pair{"ttl", r.anyDuration()}, pair{"size", r.between(1, 1000)})})...)}}
		}
		lookups = append(lookups, pair{name + "/" + r.text(), lookup})
	}
	return lookups
}

// policies are those of the configuration, or of a pipeline.
func (r *randomConfig) policies() mapping {
	later := make([]any, rapid.IntRange(0, 3).Draw(r.T, "tiers"))
	for i := range later {
		later[i] = r.anyDuration()
	}
	return r.maybe(
		pair{"delivery", r.choose("exactly_once", "at_least_once")},
		pair{"sessions", r.between(1, 100)},
		pair{"batch", r.maybe(pair{"messages", r.between(1, 1000)}, pair{"bytes", r.between(1, 1<<30)}, pair{"partitions", r.between(1, 1000)})},
		pair{"breaker", r.maybe(pair{"share", r.share()}, pair{"window", r.anyDuration()}, pair{"messages", r.between(1, 1000)}, pair{"trial", r.anyDuration()})},
		pair{"retry", r.maybe(
			pair{"attempts", r.between(1, 1000)}, pair{"in_place", r.anyDuration()}, pair{"timeout", r.anyDuration()}, pair{"later", later},
			pair{"backoff", r.maybe(pair{"initial", r.duration(time.Microsecond, time.Second)}, pair{"max", r.duration(time.Second, time.Hour)},
				pair{"multiplier", bare(fmt.Sprint(rapid.Float64Range(1, 1e9).Draw(r.T, "multiplier")))}, pair{"jitter", r.share()})})},
	)
}

func (r *randomConfig) pipelines(events mapping) mapping {
	var pipelines mapping
	for _, name := range r.names() {
		var topics []any
		for _, event := range rapid.SliceOfNDistinct(rapid.SampledFrom(events), 1, 3, func(p pair) string { return p.key }).Draw(r.T, "sources") {
			topics = append(topics, "events."+event.key)
		}
		p := mapping{{"subscribe", topics}, {"handlers", r.steps()}, {"id", "id-" + name}}
		if len(topics) == 1 && r.chance() {
			p = mapping{{"subscribe", topics[0]}, {"handlers", r.steps()}}
		}
		p = append(p, r.maybe(pair{"start", r.choose("now", "oldest", "2026-01-02T15:04:05Z", "2026-01-02T15:04:05.123456789+02:00")})...)
		pipelines = append(pipelines, pair{name, append(p, r.policies()...)})
	}
	return pipelines
}

// tests are of events that some pipeline reads.
func (r *randomConfig) tests(pipelines, lookups mapping) []any {
	tests := make([]any, rapid.IntRange(1, 3).Draw(r.T, "tests"))
	for i := range tests {
		pipeline := rapid.SampledFrom(pipelines).Draw(r.T, "pipeline")
		events := make([]any, rapid.IntRange(1, 3).Draw(r.T, "events"))
		for j := range events {
			events[j] = r.testEvent(pipeline.value.(mapping)[0].value)
		}
		test := mapping{{"name", fmt.Sprintf("%d %s", i, r.text())}, {"pipeline", pipeline.key}, {"events", events}}
		if len(lookups) > 0 {
			fake := mapping{{"unavailable", bare("true")}}
			if r.chance() {
				fake = mapping{{r.word(), mapping{{"name", r.body(1)}}}}
			}
			test = append(test, r.maybe(pair{"lookups", mapping{{lookups[0].key, fake}}})...)
		}
		tests[i] = append(test, r.maybe(pair{"now", r.choose("2026-01-02T15:04:05Z", "2026-01-02T15:04:05.5+02:00")})...)
	}
	return tests
}

// testEvent is of a type that one of a pipeline's sources carries.
func (r *randomConfig) testEvent(subscribe any) mapping {
	topics, several := subscribe.([]any)
	if !several {
		topics = []any{subscribe}
	}
	expect := r.choose(
		[]any{mapping{{"refused", r.choose("schema", "key", "event")}}},
		[]any{mapping{{"topic", r.word()}, {"recipient", r.choose("1", bare("1"), "a b")}}, mapping{{"dropped", r.word()}, {"by", r.word()}}},
		[]any{mapping{{"poisoned", r.choose("decode", "lookup_missing", "other")}, {"reason", r.text()}}},
		[]any{mapping{{"text", r.text()}, {"actor", r.choose(bare("null"), "2")}}, mapping{{"data", r.body(2)}}},
	)
	event := mapping{{"type", strings.TrimPrefix(r.choose(topics...).(string), "events.")}, {"data", r.body(3)}, {"expect", expect}}
	if r.chance() {
		event[1] = pair{"record", r.text()}
	}
	return append(event, r.maybe(pair{"id", r.choose("a", bare("7"))}, pair{"source", r.word()}, pair{"time", "2026-01-02T15:04:05Z"}, pair{"after", r.anyDuration()})...)
}

func (r *randomConfig) steps() []any {
	steps := make([]any, rapid.IntRange(1, 3).Draw(r.T, "steps"))
	for i := range steps {
		steps[i] = mapping{{r.text(), r.body(3)}}
	}
	return steps
}

func (r *randomConfig) handlerTypes() mapping {
	var types mapping
	for _, name := range r.names() {
		var parameters mapping
		for _, name := range r.names() {
			p := mapping{{"type", rapid.SampledFrom(config.ParameterTypes()).Draw(r.T, "type")}, {"doc", r.word()}}
			if r.chance() {
				p = mapping{{"type", "string"}, {"doc", r.word()}, {"one_of", []any{r.text(), r.text()}}}
			}
			parameters = append(parameters, pair{identifier(name), append(p, r.maybe(pair{"default", r.body(2)})...)})
		}
		types = append(types, pair{identifier(name), append(mapping{{"summary", r.word()}, {"handlers", r.steps()}}, r.maybe(pair{"parameters", parameters})...)})
	}
	return types
}

// identifier makes a name of a handler type or a parameter of another name.
func identifier(name string) string {
	return "t" + strings.NewReplacer(".", "_dot_", "-", "_dash_").Replace(name)
}

func (r *randomConfig) schema() mapping {
	properties := mapping{}
	for _, name := range r.names() {
		properties = append(properties, pair{name + "/" + r.text(), r.maybe(
			pair{"type", r.choose("string", []any{"string", "integer"})}, pair{"description", r.text()},
			pair{"enum", []any{r.body(1), r.text()}}, pair{"const", r.body(2)}, pair{"maximum", r.choose(bare("1.50"), bare("-7"), bare("1e3"))})})
	}
	return append(mapping{{"type", "object"}, {"properties", properties}}, r.maybe(pair{"required", []any{"a", "b"}}, pair{"additionalProperties", bare("false")})...)
}

// scalars stand in the file without quotes.
var scalars = []any{
	bare(""), bare("~"), bare("null"), bare("true"), bare("False"), bare("0"), bare("-12"), bare("007"), bare("0x1F"), bare("9007199254740993"),
	bare("18446744073709551615"), bare("1.50"), bare("1e3"), bare("-.5"), bare("${PORT}"), bare("${YES}"), bare("${NOT_SET:-a b}"), bare("${EMPTY}"),
	bare(`"${SECRET}"`), bare(`'a ${PORT}: "b'`),
}

// body is what may stand in a handler: anything.
func (r *randomConfig) body(depth int) any {
	kinds := 4
	if depth == 0 {
		kinds = 2
	}
	switch rapid.IntRange(1, kinds).Draw(r.T, "kind") {
	case 1:
		return rapid.SampledFrom(scalars).Draw(r.T, "scalar")
	case 2:
		return r.text()
	case 3:
		list := make([]any, rapid.IntRange(0, 3).Draw(r.T, "items"))
		for i := range list {
			list[i] = r.body(depth - 1)
		}
		return list
	}
	m := mapping{}
	for i := range rapid.IntRange(0, 3).Draw(r.T, "keys") {
		m = append(m, pair{r.text() + fmt.Sprint(i), r.body(depth - 1)})
	}
	return m
}

// write spreads the sections over some files.
func (r *randomConfig) write(folder string, sections mapping) {
	files := make([]mapping, rapid.IntRange(1, 3).Draw(r.T, "files"))
	some := func() *mapping { return &files[rapid.IntRange(0, len(files)-1).Draw(r.T, "file")] }
	for _, section := range sections {
		names, _ := section.value.(mapping)
		if !slices.Contains([]string{"lookups", "events", "pipelines", "handler_types"}, section.key) || len(names) == 0 {
			file := some()
			*file = append(*file, section)
			continue
		}
		for _, name := range names {
			file := some()
			i := slices.IndexFunc(*file, func(p pair) bool { return p.key == section.key })
			if i < 0 {
				i = len(*file)
				*file = append(*file, pair{section.key, mapping(nil)})
			}
			(*file)[i].value = append((*file)[i].value.(mapping), name)
		}
	}
	for i, file := range files {
		var text strings.Builder
		text.WriteString("# file " + fmt.Sprint(i) + "\n")
		r.block(&text, file, "")
		r.Logf("file %d:\n%s", i, text.String())
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.yaml", i)), []byte(text.String()), 0o600); err != nil {
			r.Fatal(err)
		}
	}
}
