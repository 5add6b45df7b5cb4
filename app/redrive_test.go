package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	neturl "net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

// call sends a request with a JSON body, and reads the answer.
func (s *instance) call(method, path string, body, into any) int {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	return call(s.t, method, s.url+path, text, into)
}

func call(t *testing.T, method, url string, body []byte, into any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %s %s", method, url, resp.Status, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		t.Fatalf("%s %s: %v: %s", method, url, err, answer)
	}
	return resp.StatusCode
}

// submit posts many events at once.
func (s *instance) submit(lines []string) {
	s.t.Helper()
	for len(lines) > 0 {
		n := min(1000, len(lines))
		resp, err := http.Post(s.url+"/v1/events", "application/x-ndjson", strings.NewReader(strings.Join(lines[:n], "\n")))
		if err != nil {
			s.t.Fatal(err)
		}
		if answer := text(s.t, resp); resp.StatusCode != http.StatusAccepted {
			s.t.Fatalf("%s %.300s", resp.Status, answer)
		}
		lines = lines[n:]
	}
}

// inState is how many messages are.
func (s *instance) inState(state poison.State) int {
	s.t.Helper()
	var list struct{ Total int }
	s.get("/v1/poison?limit=1&state="+string(state), &list)
	return list.Total
}

// awaitRepair waits until a message, tried without any effect, would pass: the
// lookup file is read again within seconds.
func awaitRepair(t *testing.T, url, filter string) {
	t.Helper()
	resp, err := http.Get(url + "/v1/poison?limit=1&state=open&filter=" + neturl.QueryEscape(filter))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Entries []struct {
			ID    string
			Value json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(text(t, resp)), &list); err != nil || len(list.Entries) == 0 {
		t.Fatalf("no message to try: %v", err)
	}
	edit, err := json.Marshal(map[string]any{"value_text": string(list.Entries[0].Value), "dry_run": true})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the repair is seen", func() bool {
		var preview poison.EditPreview
		call(t, http.MethodPost, url+"/v1/poison/"+list.Entries[0].ID+"/edit", edit, &preview)
		return preview.Trial.Outcome == "delivered"
	})
}

// Of 10,000 messages that failed for three causes, one cause is repaired and its
// group sent back: each of these is delivered once, and nothing else is touched.
func TestOneCauseOfThreeIsRepaired(t *testing.T) {
	s := newSite(t)
	s.yaml = strings.Replace(s.yaml, "delivery: DELIVERY", "delivery: DELIVERY\nbreaker: {share: 0}", 1)
	run := s.start()
	const messages = 10_000
	var lines []string
	for i := range messages {
		data := fmt.Sprintf(`{"follower_id":"f%d","followee_id":"1"}`, i) // nobody: repaired later
		switch i % 3 {
		case 1:
			data = fmt.Sprintf(`{"follower_id":"1","followee_id":"x%d"}`, i) // nobody either, in another place
		case 2:
			data = fmt.Sprintf(`{"follower_id":{"no":"id %d"},"followee_id":"1"}`, i) // no id at all
		}
		lines = append(lines, fmt.Sprintf(`{"type":"follow-%s","id":"e%d","data":%s}`, s.run, i, data))
	}
	run.submit(lines)
	eventually(t, "all are poisoned", func() bool { return run.inState(poison.Open) == messages })

	var groups struct{ Groups []poison.Group }
	run.get("/v1/poison/groups?state=open", &groups)
	if len(groups.Groups) != 3 {
		t.Fatalf("groups: %+v", groups.Groups)
	}
	var repaired poison.Group
	for _, g := range groups.Groups {
		if strings.Contains(g.Reason, "actor: lookup users has no record") {
			repaired = g
		}
	}
	users := []string{testUsers[:len(testUsers)-1]}
	for i := 0; i < messages; i += 3 {
		users = append(users, fmt.Sprintf(`f%d: {name: F%d}`, i, i))
	}
	s.write("users.yaml", strings.Join(users, ", ")+"}")
	filter := fmt.Sprintf("fingerprint == %q", repaired.Fingerprint)
	awaitRepair(t, run.url, filter)

	order := map[string]any{"filter": filter, "state": "open", "canary": 5}
	var preview poison.Preview
	order["dry_run"] = true
	run.call(http.MethodPost, "/v1/poison/redrives", order, &preview)
	if preview.Eligible != repaired.Count || len(preview.Targets) != 1 || len(preview.Targets[0].Readers) != 1 {
		t.Errorf("preview %+v of a group of %d", preview, repaired.Count)
	}
	delete(order, "dry_run")
	var job poison.Job
	if status := run.call(http.MethodPost, "/v1/poison/redrives", order, &job); status != http.StatusAccepted {
		t.Errorf("status %d", status)
	}
	run.accept("late", "nobody", "1") // it is not in the set
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the job: %+v", job)
		}
	})
	eventually(t, "all are delivered", func() bool {
		run.get("/v1/poison/redrives/"+job.ID, &job)
		return job.State == poison.Finished && job.Delivered == repaired.Count
	})
	seen := make(map[string]int)
	for _, rec := range run.records("notifications.user." + s.run + "-1") {
		seen[rec.Get("event_id")]++
	}
	for i := 0; i < messages; i += 3 {
		if n := seen[fmt.Sprint("e", i)]; n != 1 {
			t.Errorf("e%d was delivered %d times", i, n)
		}
	}
	if len(seen) != repaired.Count {
		t.Errorf("%d were delivered, want %d", len(seen), repaired.Count)
	}
	if open, redriven := run.inState(poison.Open), run.inState(poison.Redriven); open != messages-repaired.Count+1 || redriven != repaired.Count {
		t.Errorf("%d open, %d redriven", open, redriven)
	}
}

const redriveConfig = `
http: {listen: LISTEN}
kafka: KAFKA
store: {embedded: {data_dir: DIR/store}}
lookups: {users: {file: users.yaml}}
events:
  step-RUN: {key: "{data.person}"}
pipelines:
  step-RUN:
    subscribe: events.step-RUN
    start: oldest
    breaker: {share: 0}
    handlers:
      - enrich: {recipient: {lookup: users, key: "{data.person}"}}
      - compose: {to: "RUN-{recipient.id}", text: "{data.seq}"}
      - route: {topic: "notifications.user.RUN-{recipient.id}"}
poison: {topic: notifications.poison.RUN}
`

// killed is a crash whose events all fail, for want of a person.
func killed(t *testing.T, messages int) *crash {
	c := newCrash(t)
	listen := strings.TrimPrefix(c.url, "http://")
	c.yaml = strings.NewReplacer("LISTEN", listen, "KAFKA", kafkaAt(t, c.broker)).Replace(redriveConfig)
	c.config()
	c.write("users.yaml", "{1: {name: Emma}}")
	c.launch()
	run := &instance{site: c.site, url: c.url}
	var lines []string
	for i := range messages {
		lines = append(lines, fmt.Sprintf(`{"type":"step-%s","id":"e%d","data":{"person":"9","seq":%d}}`, c.run, i, i))
	}
	run.submit(lines)
	eventually(t, "all are poisoned", func() bool { return run.inState(poison.Open) == messages })
	return c
}

// A redrive goes on after its service was killed in the midst of it: each message
// is sent once.
func TestARedriveSurvivesSIGKILL(t *testing.T) {
	const messages = 3000
	c := killed(t, messages)
	run := &instance{site: c.site, url: c.url}
	c.write("users.yaml", "{1: {name: Emma}, 9: {name: Noor}}")
	awaitRepair(t, c.url, "true")
	var job poison.Job
	run.call(http.MethodPost, "/v1/poison/redrives", map[string]any{"all": true, "rate": 1500}, &job)
	for range 4 {
		time.Sleep(time.Duration(150+rand.IntN(300)) * time.Millisecond)
		c.end(syscall.SIGKILL)
		c.launch()
	}
	eventually(t, "all are delivered", func() bool {
		run.get("/v1/poison/redrives/"+job.ID, &job)
		return job.State == poison.Finished && job.Delivered == messages
	})
	sent := make(map[string]int)
	for _, rec := range c.retried() {
		sent[rec.Get(record.HeaderEventID)]++
	}
	for i := range messages {
		if n := sent[fmt.Sprint("e", i)]; n != 1 {
			t.Errorf("e%d was sent %d times", i, n)
			for _, rec := range c.retried() {
				if rec.Get(record.HeaderEventID) == fmt.Sprint("e", i) {
					t.Logf("  %s/%d/%d at %s, %s", rec.Topic, rec.Partition, rec.Offset, rec.Timestamp.Format("05.000"), rec.Get(record.HeaderRedrive))
				}
			}
		}
	}
	if list := c.list(c.run + "-9"); len(list) != messages {
		t.Errorf("%d of %d are in the list", len(list), messages)
	}
	if repeats := c.repeats(c.run + "-9"); repeats != 0 && !brokerDiesToo {
		t.Errorf("%d stand twice in the topic", repeats)
	}
	c.end(syscall.SIGTERM)
}

// A service killed in the midst of an edit has either noted it, and then sends
// the message as it was edited, or it hasn't, and the message is open.
func TestAnEditSurvivesSIGKILL(t *testing.T) {
	const messages = 6
	c := killed(t, messages)
	run := &instance{site: c.site, url: c.url}
	var list struct{ Entries []poison.Entry }
	run.get("/v1/poison?limit=100", &list)
	for _, e := range list.Entries {
		value := strings.Replace(string(e.Value), `"person":"9"`, `"person":"1"`, 1)
		body, err := json.Marshal(map[string]any{"value_text": value})
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			resp, err := http.Post(c.url+"/v1/poison/"+e.ID+"/edit", "application/json", bytes.NewReader(body))
			if err == nil {
				_ = resp.Body.Close()
			}
		}()
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		c.end(syscall.SIGKILL)
		<-answered
		c.launch()
	}
	eventually(t, "no edit is under way", func() bool {
		var jobs struct{ Redrives []poison.Job }
		run.get("/v1/poison/redrives", &jobs)
		for _, j := range jobs.Redrives {
			if !j.State.Over() || j.Known() < j.Sent {
				return false
			}
		}
		return true
	})
	open, redriven := run.inState(poison.Open), run.inState(poison.Redriven)
	if open+redriven != messages {
		t.Errorf("%d open, %d redriven", open, redriven)
	}
	delivered := 0
	if redriven > 0 {
		delivered = len(c.list(c.run + "-1"))
	}
	if delivered != redriven {
		t.Errorf("%d edited messages were delivered, %d are redriven", delivered, redriven)
	}
	t.Logf("%d of %d edits were noted before the kill", redriven, messages)
	c.end(syscall.SIGTERM)
}

// retried is what stands in the topic of redrives.
func (c *crash) retried() (all []*record.Record) {
	client, err := kafka.NewClient(kafka.Cluster{Brokers: brokersAt(c.broker)})
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.Close()
	err = client.Since(c.t.Context(), "notifications.retry.step-"+c.run+".0", time.Unix(0, 0), func(rec *record.Record) { all = append(all, rec) })
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}

// Two operators send the same messages back at once: each goes once, and who came
// later is told.
func TestTwoOperatorsAtOnce(t *testing.T) {
	s := newSite(t).start()
	const messages = 50
	var lines []string
	for i := range messages {
		lines = append(lines, fmt.Sprintf(`{"type":"follow-%s","id":"e%d","data":{"follower_id":"f%d","followee_id":"1"}}`, s.run, i, i))
	}
	s.submit(lines)
	eventually(t, "all are poisoned", func() bool { return s.inState(poison.Open) == messages })
	type answer struct {
		status int
		body   string
	}
	answers := make(chan answer)
	for range 2 {
		go func() {
			resp, err := http.Post(s.url+"/v1/poison/redrives", "application/json", strings.NewReader(`{"all":true,"state":"open"}`))
			if err != nil {
				answers <- answer{0, err.Error()}
				return
			}
			defer func() { _ = resp.Body.Close() }()
			body, _ := io.ReadAll(resp.Body)
			answers <- answer{resp.StatusCode, string(body)}
		}()
	}
	total, told := 0, 0
	for range 2 {
		a := <-answers
		var job struct {
			Total   int
			Refused []poison.Refusal
			Detail  string
		}
		if err := json.Unmarshal([]byte(a.body), &job); err != nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		total += job.Total
		for _, why := range job.Refused {
			told += why.Count
		}
		if a.status == http.StatusConflict {
			told += messages
		}
	}
	if total != messages || told != messages {
		t.Errorf("%d are in a job, of %d somebody was told; want %d of each", total, told, messages)
	}
}

// What other programs write into the poison topic, and what no terminal and no
// browser should be given, is shown for what it is.
func TestForeignPoisonRecords(t *testing.T) {
	s := newSite(t).start()
	topic := "notifications.poison." + s.run
	large := `{"n":9007199254740993,"text":"` + strings.Repeat("x", 1<<20) + `"}`
	binary := []byte{0xff, 0, 1, '<', '\n'}
	s.produce(&record.Record{Topic: topic})
	s.produce(&record.Record{Topic: topic, Value: []byte(large), Headers: []record.Header{{Key: record.PoisonID, Value: []byte("large")}}})
	s.produce(&record.Record{Topic: topic, Key: binary, Value: binary, Headers: []record.Header{
		{Key: record.PoisonID, Value: []byte("binary")},
		{Key: record.ReasonPoisoned, Value: []byte("<script>alert(1)</script>")},
		{Key: "x", Value: []byte("a\nb")},
		{Key: "x", Value: []byte("c")},
	}})
	eventually(t, "all three", func() bool { return s.inState(poison.Open) == 3 })
	if got := s.metric(`kafka_notify_poison_messages{state="open"}`); got != "3" {
		t.Errorf("the metric says %q are open", got)
	}
	var got poison.Detail
	s.get("/v1/poison/large", &got)
	if string(got.Value) != large {
		t.Errorf("the large payload came back with %d bytes, want %d", len(got.Value), len(large))
	}
	s.get("/v1/poison/binary", &got)
	if string(got.Value) != string(binary) || got.Reason != "<script>alert(1)</script>" {
		t.Errorf("binary: %q, reason %q", got.Value, got.Reason)
	}
	var x []string
	for _, h := range got.Headers {
		if h.Key == "x" {
			x = append(x, h.Value)
		}
	}
	if len(x) != 2 || x[0] != "a\nb" {
		t.Errorf("headers %q", x)
	}
	bare := topic + "-0-0"
	s.get("/v1/poison/"+bare, &got)
	if got.ID != bare || got.State != poison.Open || got.Value != nil {
		t.Errorf("bare: %+v", got)
	}
	resp, err := http.Get(s.url + "/v1/poison/export")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(text(t, resp), "\n"); lines != 3 {
		t.Errorf("%d lines are exported", lines)
	}
	// Sent on to a topic by name, it keeps every header.
	parked := "parked." + s.run
	client, err := kafka.NewClient(kafka.Cluster{Brokers: s.app.Brokers()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.CreateTopics(t.Context(), quiet(), -1, kafka.Topic{Name: parked, Partitions: 1, MaxBytes: 2 << 20}); err != nil {
		t.Fatal(err)
	}
	var job poison.Job
	s.call(http.MethodPost, "/v1/poison/redrives", map[string]any{"ids": []string{"binary"}, "target": parked}, &job)
	eventually(t, "sent", func() bool { s.get("/v1/poison/redrives/"+job.ID, &job); return job.State == poison.Finished })
	if sent := s.records(parked); len(sent) != 1 || string(sent[0].Value) != string(binary) || sent[0].Get(record.PoisonID) != "binary" {
		t.Errorf("sent on: %+v", sent)
	}
}
