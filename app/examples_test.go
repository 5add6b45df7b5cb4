//go:build !kafka

package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// examples are the files of config/examples: what is sent to them, and what people then have in their
// inboxes, in order.
var examples = map[string]struct {
	events  []string
	inboxes map[string][]string
	dropped int64
}{
	"like": {
		events: []string{
			`{"type":"like","data":{"user_id":2,"author_id":1,"post_id":77}}`,
			`{"type":"like","data":{"user_id":"2","author_id":"1","post_id":"77"}}`,
			`{"type":"like","data":{"user_id":1,"author_id":1,"post_id":77}}`,
			`{"type":"like","data":{"user_id":3,"author_id":1,"post_id":77}}`,
		},
		inboxes: map[string][]string{"1": {"Bruno likes your post.", "Rick likes your post."}},
		dropped: 2,
	},
	"mention": {
		events: []string{
			`{"type":"comment","data":{"user_id":2,"author_id":1,"post_id":77,"text":"Look, @Rick","mentions":["3",1,2]}}`,
			`{"type":"comment","data":{"user_id":3,"author_id":1,"post_id":77,"text":"I see"}}`,
		},
		inboxes: map[string][]string{
			"1": {"Bruno commented on your post: Look, @Rick", "Rick commented on your post: I see"},
			"3": {"Bruno mentioned you: Look, @Rick"},
		},
		dropped: 2,
	},
	"post": {
		events: []string{
			`{"type":"post","data":{"author_id":1,"post_id":77,"title":"Hello, world"}}`,
			`{"type":"post","data":{"author_id":4,"post_id":78,"title":"Alone"}}`,
		},
		inboxes: map[string][]string{
			"2": {"Emma wrote: Hello, world"}, "3": {"Emma wrote: Hello, world"}, "4": {"Emma wrote: Hello, world"},
		},
		dropped: 1,
	},
	"throttle": {
		events: slices.Repeat([]string{`{"type":"like","data":{"user_id":2,"author_id":1,"post_id":77}}`}, 6),
		inboxes: map[string][]string{"1": {
			"Bruno likes your post.", "Bruno likes your post.", "Bruno likes your post.",
			"Your posts are popular: there are more likes.",
		}},
		dropped: 2,
	},
	"language": {
		events: []string{
			`{"type":"follow","data":{"follower_id":1,"followee_id":2}}`,
			`{"type":"follow","data":{"follower_id":1,"followee_id":3}}`,
			`{"type":"follow","data":{"follower_id":1,"followee_id":4}}`,
		},
		inboxes: map[string][]string{"2": {"Emma folgt dir jetzt."}, "3": {"Emma te suit maintenant."}, "4": {"Emma started following you."}},
	},
}

// siteOfExample is where an example runs.
const siteOfExample = `
http: {listen: 127.0.0.1:0}
kafka: {embedded: {listen: 127.0.0.1:0, data_dir: DIR/kafka}}
store: {embedded: {data_dir: DIR/store}}
`

// Every example of config/examples does what it says, with a broker and all.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../config/examples/*.yaml")
	if err != nil || len(files) != len(examples) {
		t.Fatalf("%v, %v; want the %d that are tested here", files, err, len(examples))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) { runExample(t, file) })
	}
}

func runExample(t *testing.T, file string) {
	example := examples[strings.TrimSuffix(filepath.Base(file), ".yaml")]
	s := &site{t: t, dir: t.TempDir()}
	s.write("site.yaml", strings.ReplaceAll(siteOfExample, "DIR", s.dir))
	cfg, err := config.Load(os.LookupEnv, file, filepath.Join(s.dir, "site.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if faults, err := app.Check(t.Context(), cfg, handler.Default()); err != nil || len(faults) > 0 {
		t.Errorf("check: %v\n%s", err, faults)
	}
	run := s.serve(cfg)
	resp, err := http.Post(run.url+"/v1/events", "application/x-ndjson", strings.NewReader(strings.Join(example.events, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if answer := text(t, resp); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", resp.StatusCode, answer)
	}
	var delivered int64
	for _, texts := range example.inboxes {
		delivered += int64(len(texts))
	}
	eventually(t, "all that is delivered and dropped", func() bool {
		d, dropped := run.done()
		return d == delivered && dropped == example.dropped
	})
	for person, want := range example.inboxes {
		if diff := cmp.Diff(want, run.texts(person)); diff != "" {
			t.Errorf("the inbox of %s (-want +got):\n%s", person, diff)
		}
	}
}

// done counts what the pipelines delivered and dropped.
func (s *instance) done() (delivered, dropped int64) {
	var answer struct {
		Pipelines []struct{ Delivered, Dropped int64 }
	}
	s.get("/v1/pipelines", &answer)
	for _, p := range answer.Pipelines {
		delivered, dropped = delivered+p.Delivered, dropped+p.Dropped
	}
	return delivered, dropped
}

// texts are what a person reads, the oldest first.
func (s *instance) texts(person string) []string {
	var page struct{ Notifications []struct{ Text string } }
	s.get("/v1/users/"+person+"/notifications", &page)
	var all []string
	for _, n := range slices.Backward(page.Notifications) {
		all = append(all, n.Text)
	}
	return all
}
