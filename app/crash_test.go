package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
)

const crashConfig = `
http: {listen: LISTEN}
kafka: KAFKA
store: {embedded: {data_dir: DIR/store}}
events:
  step-RUN:
    key: "{data.person}"
    schema: {type: object, required: [person, seq]}
pipelines:
  step-RUN:
    subscribe: events.step-RUN
    start: oldest
    handlers:
      - compose: {to: "RUN-{data.person}", text: "{data.seq}"}
      - route: {topic: "notifications.user.RUN-{data.person}"}
poison: {topic: notifications.poison.RUN}
`

const (
	crashes    = 10
	submitters = 8
	peopleEach = 4
	// perPhase is how many events a person gets at the most from one start to
	// the next, so that a slow machine isn't left with a backlog of minutes.
	perPhase = 30
)

// After any number of SIGKILLs no accepted event is missing, none is twice in
// a person's list, and each person's are in order. None is twice in the topics
// either, unless the embedded broker was killed in the midst of a transaction.
func TestPromisesSurviveSIGKILL(t *testing.T) {
	c := newCrash(t)
	repeats := c.through(syscall.SIGKILL)
	if repeats != 0 && !brokerDiesToo {
		t.Errorf("%d notifications stand twice in the topics", repeats)
	}
	t.Logf("%d kills, %d events accepted, %d repeats in the topics, slowest restart %v",
		crashes, c.accepted.Load(), repeats, c.slowest)
}

// A SIGTERM repeats nothing, not even in the topics.
func TestStoppingRepeatsNothing(t *testing.T) {
	c := newCrash(t)
	if repeats := c.through(syscall.SIGTERM); repeats != 0 {
		t.Errorf("%d notifications stand twice in the topics", repeats)
	}
	t.Logf("%d stops, %d events accepted, slowest restart %v", crashes, c.accepted.Load(), c.slowest)
}

// crash is a service in a process of its own, that is ended again and again
// while events are submitted.
type crash struct {
	*site
	binary, url string
	broker      string // where the embedded one listens, if it is used
	process     *exec.Cmd
	slowest     time.Duration
	phase       atomic.Int64 // starts so far
	accepted    atomic.Int64
	wanted      [submitters * peopleEach]atomic.Int64 // by person: the last accepted seq
}

func newCrash(t *testing.T) *crash {
	c := &crash{site: newSite(t)}
	c.binary = filepath.Join(c.dir, "kafka-notify")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", c.binary, "./kafka-notify")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	listen := freeAddress(t)
	c.url = "http://" + listen
	c.broker = freeAddress(t)
	c.yaml = strings.NewReplacer("LISTEN", listen, "KAFKA", kafkaAt(t, c.broker)).Replace(crashConfig)
	c.config()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.log())
		}
	})
	return c
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// through submits while the process is ended again and again, and then checks the
// promises. It returns how many records stand twice in the delivery topics.
func (c *crash) through(how syscall.Signal) (repeats int) {
	c.launch()
	submitting, enough := context.WithCancel(c.t.Context())
	var wg sync.WaitGroup
	for i := range submitters {
		wg.Go(func() { c.submit(submitting, i) })
	}
	for range crashes {
		time.Sleep(time.Duration(200+rand.IntN(900)) * time.Millisecond)
		c.end(how)
		c.launch()
	}
	enough()
	wg.Wait()
	for person := range c.wanted {
		repeats += c.check(person)
	}
	c.end(syscall.SIGTERM)
	return repeats
}

// launch starts the process and waits until it is ready.
func (c *crash) launch() {
	c.t.Helper()
	c.process = exec.Command(c.binary, "serve", "--config", filepath.Join(c.dir, "kafka-notify.yaml"))
	log, err := os.OpenFile(filepath.Join(c.dir, "serve.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	c.process.Stdout, c.process.Stderr = log, log
	if err := c.process.Start(); err != nil {
		c.t.Fatal(err)
	}
	_ = log.Close()
	process := c.process
	c.t.Cleanup(func() { _ = process.Process.Kill() })
	start := time.Now()
	for {
		resp, err := http.Get(c.url + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Since(start) > 60*time.Second {
			c.t.Fatalf("not ready within 60 s:\n%s", c.log())
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.slowest = max(c.slowest, time.Since(start))
	c.phase.Add(1)
}

// end ends the process by a signal.
func (c *crash) end(how syscall.Signal) {
	c.t.Helper()
	if err := c.process.Process.Signal(how); err != nil {
		c.t.Fatalf("the process had ended by itself: %v\n%s", err, c.log())
	}
	err := c.process.Wait()
	if how == syscall.SIGTERM && err != nil {
		c.t.Errorf("stopping: %v\n%s", err, c.log())
	}
}

func (c *crash) log() string {
	text, _ := os.ReadFile(filepath.Join(c.dir, "serve.log"))
	return string(text[max(0, len(text)-4000):])
}

// submit sends events to the submitter's own people, numbered for each, and
// repeats one, with the id it has, until it is accepted.
func (c *crash) submit(ctx context.Context, submitter int) {
	for seq := int64(1); ; seq++ {
		for seq > c.phase.Load()*perPhase && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		if ctx.Err() != nil {
			return
		}
		for p := range peopleEach {
			person := submitter*peopleEach + p
			body := fmt.Sprintf(`{"type":"step-%s","id":"%d-%d","data":{"person":"%d","seq":%d}}`, c.run, person, seq, person, seq)
			for !c.send(body) {
				time.Sleep(10 * time.Millisecond)
			}
			c.wanted[person].Store(seq)
			c.accepted.Add(1)
		}
	}
}

func (c *crash) send(body string) bool {
	resp, err := http.Post(c.url+"/v1/events", "application/json", strings.NewReader(body))
	if err != nil {
		return false
	}
	answer := text(c.t, resp)
	switch resp.StatusCode {
	case http.StatusAccepted:
		return true
	case http.StatusServiceUnavailable:
		return false
	}
	c.t.Errorf("%d %s", resp.StatusCode, answer)
	return true
}

// check waits until the person's last event is delivered, compares the list
// with what was accepted, and counts what stands twice in the topic.
func (c *crash) check(person int) (repeats int) {
	c.t.Helper()
	want := c.wanted[person].Load()
	user := c.run + "-" + strconv.Itoa(person)
	var texts []string
	eventually(c.t, fmt.Sprintf("all %d of person %d", want, person), func() bool {
		texts = c.list(user)
		return int64(len(texts)) >= want
	})
	for i, seq := range texts {
		if seq != strconv.Itoa(i+1) {
			c.t.Errorf("person %d: notification %d is %s: lost, twice or out of order", person, i+1, seq)
			break
		}
	}
	if int64(len(texts)) > want {
		c.t.Errorf("person %d: %d notifications for %d events", person, len(texts), want)
	}
	return c.repeats(user)
}

// list is the person's list by the tutorial's route, oldest first.
func (c *crash) list(user string) (texts []string) {
	resp, err := http.Get(c.url + "/notifications/" + user)
	if err != nil {
		c.t.Fatal(err)
	}
	var all struct{ Notifications []struct{ Message string } }
	if err := json.Unmarshal([]byte(text(c.t, resp)), &all); err != nil {
		c.t.Fatal(err)
	}
	for _, n := range all.Notifications {
		texts = append(texts, n.Message)
	}
	return texts
}

// repeats counts the records in the person's topic whose id came before.
func (c *crash) repeats(user string) (n int) {
	client, err := kafka.NewClient(kafka.Cluster{Brokers: brokersAt(c.broker)})
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.Close()
	topic := kafka.UserTopicPrefix + user
	bounds, err := client.Bounds(c.t.Context(), topic, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	records, err := kafka.ReadRange(c.t.Context(), client, topic, bounds.Start, bounds.End)
	if err != nil {
		c.t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, r := range records {
		id := r.Get(record.HeaderUUID)
		if seen[id] {
			n++
		}
		seen[id] = true
	}
	return n
}
