package poison

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
)

// Targets that are no topic's name.
const (
	// ToPipeline sends each message to the pipeline that gave it up, and to
	// nobody else.
	ToPipeline = "pipeline"
	// ToSource sends each message to its event topic, for all who read that.
	ToSource = "source"
)

// Order is what an operator asks of a redrive.
type Order struct {
	Selection Selection
	Terms     action.Terms
	Reason    string
}

// Preview says what a redrive would do.
type Preview struct {
	// Eligible of the Selected messages would be sent.
	Selected int `json:"selected"`
	Eligible int `json:"eligible"`
	// Targets are where to.
	Targets []Target `json:"targets"`
	// Refused are those that would not be sent, and why.
	Refused []Refusal `json:"refused"`
}

// Target is a topic that messages would be sent to.
type Target struct {
	Topic    string `json:"topic"`
	Messages int    `json:"messages"`
	// Readers are the consumer groups that read it.
	Readers []string `json:"readers"`
}

// Preview says what Redrive would do, and does nothing. Errors are those of
// Redrive.
func (c *Console) Preview(ctx context.Context, o Order) (Preview, error) {
	_, preview, err := c.prepare(ctx, &o)
	return preview, err
}

// Redrive begins a job that sends messages back. Its set is what is eligible of
// the selection now. Errors: *SelectionError, *FilterError, ErrNotReady,
// *RefusedError when nothing is eligible, and those of writing to Kafka.
func (c *Console) Redrive(ctx context.Context, o Order, by action.By) (Job, []Refusal, error) {
	rows, preview, err := c.prepare(ctx, &o)
	if err != nil {
		return Job{}, nil, err
	}
	if len(rows) == 0 {
		return Job{}, nil, nothingToSend(preview)
	}
	job, refused, err := c.begin(ctx, o, rows, by, nil)
	if err != nil {
		return Job{}, nil, err
	}
	var all refusals
	all.list = preview.Refused
	for i, verdict := range refused {
		if verdict != "" {
			all.add(verdict, rows[i].id)
		}
	}
	return job, all.all(), nil
}

// nothingToSend says why no message of a selection can be sent.
func nothingToSend(p Preview) error {
	if p.Selected == 0 && len(p.Refused) == 0 {
		return &RefusedError{Reason: "the selection holds no message"}
	}
	if p.Selected <= 1 && len(p.Refused) == 1 {
		return &RefusedError{Reason: p.Refused[0].Reason}
	}
	var why []string
	for _, r := range p.Refused {
		why = append(why, fmt.Sprintf("%d: %s", r.Count, r.Reason))
	}
	return &RefusedError{Reason: "no message of the selection can be sent: " + strings.Join(why, "; ")}
}

// begin writes a job down: its set, and then its plan, which closes it. other is
// the payload that the only message is sent with, nil for its own. It returns why
// messages are not in the set, "" for those that are.
func (c *Console) begin(ctx context.Context, o Order, rows []row, by action.By, other *edit) (Job, []string, error) {
	id := uuid.Must(uuid.NewV7()).String()
	reason := record.Text(o.Reason, maxText)
	actions := make([]action.Action, len(rows)+1)
	for i, r := range rows {
		a := action.New(action.Redrive, by)
		a.Message, a.Round, a.Job, a.Reason = r.id, int(r.redrives), id, reason
		if other != nil {
			a.Edited, a.Value, a.Diff = true, other.value, other.diff
		}
		actions[i] = a
	}
	plan := action.New(action.Plan, by)
	plan.Job, plan.Terms, plan.Count, plan.Reason = id, &o.Terms, len(rows), reason
	actions[len(rows)] = plan
	verdicts, err := c.write(ctx, actions)
	if err != nil {
		return Job{}, nil, err
	}
	refused := verdicts[:len(rows)]
	if !slices.Contains(refused, "") {
		return Job{}, nil, &RefusedError{Reason: refused[0]}
	}
	job, err := c.Job(ctx, id)
	return job, refused, err
}

// prepare checks an order, and finds what of its selection can be sent.
func (c *Console) prepare(ctx context.Context, o *Order) ([]row, Preview, error) {
	if err := o.check(); err != nil {
		return nil, Preview{}, err
	}
	if target := o.Terms.Target; target == c.topics.Poison || target == c.topics.Actions {
		return nil, Preview{}, &SelectionError{fmt.Sprintf("%s is the console's own topic: nothing can be sent there", target)}
	}
	selected, missing, err := c.pick(ctx, o.Selection)
	if err != nil {
		return nil, Preview{}, err
	}
	var eligible []row
	topics := make(map[string]int)
	for _, r := range selected {
		topic, refused := c.target(r, o.Terms.Target)
		if refused != "" {
			missing.add(refused, r.id)
			continue
		}
		eligible = append(eligible, r)
		topics[topic]++
	}
	p := Preview{Selected: len(selected), Eligible: len(eligible), Targets: []Target{}, Refused: missing.all()}
	for topic, n := range topics {
		readers, err := c.targets.Readers(ctx, topic)
		if errors.Is(err, kafka.ErrTopicMissing) {
			return nil, Preview{}, &SelectionError{fmt.Sprintf("there is no topic %s to send to", topic)}
		}
		if err != nil {
			return nil, Preview{}, err
		}
		p.Targets = append(p.Targets, Target{Topic: topic, Messages: n, Readers: readers})
	}
	slices.SortFunc(p.Targets, func(a, b Target) int { return strings.Compare(a.Topic, b.Topic) })
	return eligible, p, nil
}

// check reports what of an order makes no sense, and sets defaults.
func (o *Order) check() error {
	t := &o.Terms
	if t.Target == "" {
		t.Target = ToPipeline
	}
	switch {
	case t.Rate < 0:
		return &SelectionError{"the rate must be messages a second, or 0 for no limit"}
	case t.Canary < 0:
		return &SelectionError{"the canary must be how many messages are tried first, or 0 for none"}
	case t.Canary > 0 && t.Target != ToPipeline:
		return &SelectionError{"a canary needs the target pipeline: of messages sent elsewhere nobody tells what becomes"}
	case t.MaxFailed < 0 || t.MaxFailed > 1:
		return &SelectionError{"max_failed must be a share from 0 to 1"}
	}
	return nil
}

// target is the topic that a message is sent to, or why it can't be sent.
func (c *Console) target(r row, target string) (topic, refused string) {
	cause := r.cause.Value()
	switch {
	case r.state == Redriven && r.fate != "":
		return "", fmt.Sprintf("it was redriven already, by job %s, and %s", r.job, r.fate)
	case r.state == Redriven && r.job != "":
		return "", "it is being redriven already, by job " + r.job
	case r.state != Open:
		return "", fmt.Sprintf("it is %s", r.state)
	case r.truncated:
		return "", "the broker refused its value as too large, so it is not in the poison topic; submit the event again"
	case int(r.redrives) >= c.maxRedrives:
		return "", fmt.Sprintf("it was redriven %d times already (poison.max_redrives)", r.redrives)
	}
	switch target {
	case ToPipeline:
		if !r.ours {
			return "", "the record carries no origin: another program wrote it. Send it to a topic by name"
		}
		topic, ok := c.targets.RetryTopic(cause.pipeline)
		if !ok {
			return "", fmt.Sprintf("no pipeline %q runs here; put it back into the configuration first", cause.pipeline)
		}
		return topic, ""
	case ToSource:
		if !r.ours {
			return "", "the record carries no origin: another program wrote it. Send it to a topic by name"
		}
		if cause.topic == "" {
			return "", "its record does not say which topic it came from. Send it to a topic by name"
		}
		return cause.topic, ""
	}
	return target, ""
}

// Jobs are the redrive jobs, the newest first. Error: ErrNotReady.
func (c *Console) Jobs(ctx context.Context) ([]Job, error) {
	if err := c.Await(ctx); err != nil {
		return nil, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	jobs := make([]Job, 0, len(c.ledger.order))
	for _, j := range slices.Backward(c.ledger.order) {
		jobs = append(jobs, c.view(j))
	}
	return jobs, nil
}

// Job is one of them; ErrNoJob if there is none of that id.
func (c *Console) Job(ctx context.Context, id string) (Job, error) {
	if err := c.Await(ctx); err != nil {
		return Job{}, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	j := c.ledger.jobs[id]
	if j == nil {
		return Job{}, fmt.Errorf("%w: %s", ErrNoJob, id)
	}
	return c.view(j), nil
}

// ErrNoJob says that there is no redrive job of that id.
var ErrNoJob = errors.New("no such redrive job")

// Steer pauses, resumes or cancels a job. Errors: ErrNoJob, *RefusedError, and
// those of writing to Kafka.
func (c *Console) Steer(ctx context.Context, kind action.Kind, id string, by action.By, reason string) (Job, error) {
	if _, err := c.Job(ctx, id); err != nil {
		return Job{}, err
	}
	a := action.New(kind, by)
	a.Job, a.Reason = id, record.Text(reason, maxText)
	return c.one(ctx, a)
}
