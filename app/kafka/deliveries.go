package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// createAtOnce is how many new topics go into one request.
const createAtOnce = 500

// DeliveryTopics makes delivery topics when their first notification comes:
// each once, many in one request, and never more people's topics than the
// cluster can bear.
type DeliveryTopics struct {
	client      *Client
	log         *slog.Logger
	template    Topic
	replication int
	limit       int

	mu       sync.Mutex
	known    map[string]bool
	people   int // known and pending topics of people
	pending  map[string]*creation
	queue    []*creation
	creating bool
}

// creation is one topic being made; done is closed when err is decided.
type creation struct {
	name string
	done chan struct{}
	err  error
}

// NewDeliveryTopics makes topics after template, at most limit of people's.
func NewDeliveryTopics(client *Client, template Topic, replication, limit int, log *slog.Logger) *DeliveryTopics {
	return &DeliveryTopics{
		client: client, log: log, template: template, replication: replication, limit: limit,
		known: make(map[string]bool), pending: make(map[string]*creation),
	}
}

// Load learns which topics are there already.
func (d *DeliveryTopics) Load(ctx context.Context) error {
	there, err := d.client.TopicPartitions(ctx)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.people = len(d.pending)
	d.known = make(map[string]bool, len(there))
	for name := range there {
		d.know(name)
	}
	return nil
}

func (d *DeliveryTopics) know(name string) {
	d.known[name] = true
	if strings.HasPrefix(name, UserTopicPrefix) {
		d.people++
	}
}

// Forget makes the next Ensure of the topic look again: somebody deleted it.
func (d *DeliveryTopics) Forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known[name] && strings.HasPrefix(name, UserTopicPrefix) {
		d.people--
	}
	delete(d.known, name)
}

// createPatience is how long a new topic is waited for.
const createPatience = 10 * time.Second

// Ensure returns once the topic is there. Past the limit the error is
// permanent; with the broker away it satisfies handler.IsUnavailable.
func (d *DeliveryTopics) Ensure(ctx context.Context, name string) error {
	d.mu.Lock()
	c, err := d.order(name)
	d.begin()
	d.mu.Unlock()
	if c == nil || err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, createPatience)
	defer cancel()
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return handler.Unavailable(fmt.Errorf("create topic %s: %w", name, context.Cause(ctx)))
	}
}

// Order begins to make topics, as many as it may, so that Ensure, which is to be
// called for each of them, does not make one after the other.
func (d *DeliveryTopics) Order(names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range names {
		_, _ = d.order(name) // past the limit, which Ensure will say
	}
	d.begin()
}

// order puts a topic in the queue; nil if it is there.
func (d *DeliveryTopics) order(name string) (*creation, error) {
	if d.known[name] {
		return nil, nil
	}
	if c, ok := d.pending[name]; ok {
		return c, nil
	}
	if strings.HasPrefix(name, UserTopicPrefix) {
		if d.people >= d.limit {
			return nil, handler.Permanent(fmt.Errorf(
				"%s would be delivery topic number %d: kafka.max_user_topics is %d; raise it if the cluster can bear more partitions",
				name, d.limit+1, d.limit))
		}
		d.people++
	}
	c := &creation{name: name, done: make(chan struct{})}
	d.pending[name] = c
	d.queue = append(d.queue, c)
	return c, nil
}

// begin works off the queue, unless that is under way.
func (d *DeliveryTopics) begin() {
	if !d.creating && len(d.queue) > 0 {
		d.creating = true
		go d.create()
	}
}

// create works off the queue: what came in while one request was under way
// goes into the next.
func (d *DeliveryTopics) create() {
	for {
		d.mu.Lock()
		batch := d.queue[:min(len(d.queue), createAtOnce)]
		d.queue = d.queue[len(batch):]
		if len(batch) == 0 {
			d.creating = false
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()

		errs := d.createBatch(batch)

		d.mu.Lock()
		for _, c := range batch {
			c.err = errs[c.name]
			delete(d.pending, c.name)
			if c.err == nil {
				d.known[c.name] = true
			} else if strings.HasPrefix(c.name, UserTopicPrefix) {
				d.people--
			}
			close(c.done)
		}
		d.mu.Unlock()
	}
}

func (d *DeliveryTopics) createBatch(batch []*creation) map[string]error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	names := make([]string, len(batch))
	for i, c := range batch {
		names[i] = c.name
	}
	errs := d.client.createNamed(ctx, d.template, d.replication, names)
	var made []string
	for _, name := range names {
		if errs[name] == nil {
			made = append(made, name)
		}
	}
	if err := d.client.awaitLeaders(ctx, made); err != nil {
		for _, name := range made {
			errs[name] = err
		}
	}
	d.log.Debug("created delivery topics", "topics", len(made))
	return errs
}
