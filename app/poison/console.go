package poison

import (
	"context"
	"fmt"
	"time"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Publisher sends records and returns once all in-sync replicas have them, with
// an error for each.
type Publisher interface {
	Publish(ctx context.Context, records ...*record.Record) []error
}

// Targets is what the console has to know of where messages go.
type Targets interface {
	// RetryTopic is the topic that a pipeline's redrives go to, by the name that
	// the pipeline has in poison records; false for one that doesn't run.
	RetryTopic(pipeline string) (string, bool)
	// Readers are the consumer groups that read a topic; the error wraps
	// kafka.ErrTopicMissing when there is none.
	Readers(ctx context.Context, topic string) ([]string, error)
	// Try says what a pipeline would make of a record, without any effect.
	Try(ctx context.Context, pipeline string, rec *record.Record) (action.Trial, error)
}

// Console is what operators do about poisoned messages: one core for all
// fronts. Every action is a record of the actions topic, and holds once it is
// read back from there.
type Console struct {
	*Index
	publisher   Publisher
	targets     Targets
	maxRedrives int
}

// NewConsole acts on what is in x. A message that was redriven maxRedrives times
// is not redriven again.
func NewConsole(x *Index, p Publisher, t Targets, maxRedrives int) *Console {
	return &Console{Index: x, publisher: p, targets: t, maxRedrives: maxRedrives}
}

// Selection says which messages an action is for: those of these ids, or else
// those that a query selects.
type Selection struct {
	IDs   []string
	Query Query // without Limit and Cursor
	// Limit is how many at the most, the oldest first; 0: all.
	Limit int
	// All has to be set where neither IDs nor Query selects anything.
	All bool
}

// ErrNoSelection says that an action names no messages.
var ErrNoSelection = &SelectionError{"nothing is selected: name ids, or a filter; or say that all messages are meant"}

// SelectionError says what is wrong with a selection.
type SelectionError struct{ Reason string }

// Error implements error.
func (e *SelectionError) Error() string { return e.Reason }

// BadRequest says in words for the caller what is wrong.
func (e *SelectionError) BadRequest() string { return e.Reason }

// Report says what became of an action on several messages.
type Report struct {
	// Done is how many it holds for.
	Done int `json:"done"`
	// Refused are those for which it does not, and why.
	Refused []Refusal `json:"refused"`
}

// Refusal is why nothing was done to some messages.
type Refusal struct {
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	// IDs are some of them, at most ten.
	IDs []string `json:"ids"`
}

// maxRefusalIDs is how many ids a Refusal names.
const maxRefusalIDs = 10

// refusals collects refusals by their reason.
type refusals struct{ list []Refusal }

func (r *refusals) add(reason, id string) {
	for i := range r.list {
		if r.list[i].Reason == reason {
			r.list[i].Count++
			if len(r.list[i].IDs) < maxRefusalIDs {
				r.list[i].IDs = append(r.list[i].IDs, id)
			}
			return
		}
	}
	r.list = append(r.list, Refusal{Reason: reason, Count: 1, IDs: []string{id}})
}

// all are the refusals, never nil.
func (r *refusals) all() []Refusal {
	if r.list == nil {
		return []Refusal{}
	}
	return r.list
}

// Act archives, restores or discards messages. Errors: *SelectionError,
// *FilterError, ErrNotReady, and those of writing to Kafka, after which some of
// it may hold.
func (c *Console) Act(ctx context.Context, kind action.Kind, s Selection, by action.By, reason string) (Report, error) {
	if kind == action.Discard && reason == "" {
		return Report{}, &SelectionError{"say why the messages are discarded: they have no reason"}
	}
	rows, missing, err := c.pick(ctx, s)
	if err != nil {
		return Report{}, err
	}
	actions := make([]action.Action, len(rows))
	for i, r := range rows {
		actions[i] = action.New(kind, by)
		actions[i].Message, actions[i].Round, actions[i].Reason = r.id, int(r.redrives), record.Text(reason, maxText)
	}
	verdicts, err := c.write(ctx, actions)
	if err != nil {
		return Report{}, err
	}
	report, refused := Report{}, missing
	for i, verdict := range verdicts {
		if verdict != "" {
			refused.add(verdict, rows[i].id)
			continue
		}
		report.Done++
	}
	report.Refused = refused.all()
	return report, nil
}

// maxText bounds what operators say, in bytes.
const maxText = 1024

// pick are the messages of a selection, the oldest first, and the ids that name
// none.
func (c *Console) pick(ctx context.Context, s Selection) ([]row, refusals, error) {
	var missing refusals
	if len(s.IDs) == 0 {
		if s.Query.all() && !s.All {
			return nil, missing, ErrNoSelection
		}
		rows, err := c.selected(ctx, s.Query)
		if s.Limit > 0 && len(rows) > s.Limit {
			rows = rows[:s.Limit]
		}
		return rows, missing, err
	}
	if !s.Query.all() {
		return nil, missing, &SelectionError{"name ids or a filter, not both"}
	}
	if err := c.Await(ctx); err != nil {
		return nil, missing, err
	}
	var rows []row
	seen := make(map[string]bool, len(s.IDs))
	for _, id := range s.IDs {
		r, err := c.find(ctx, id)
		switch {
		case seen[id]:
		case err != nil:
			missing.add(ErrNotFound.Error(), id)
		default:
			rows = append(rows, r)
		}
		seen[id] = true
	}
	return rows, missing, nil
}

// write writes actions, and waits until they are read back: for each, why it
// does not hold, "" if it does.
func (c *Console) write(ctx context.Context, actions []action.Action) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, writePatience)
	defer cancel()
	told := make([]chan string, len(actions))
	records := make([]*record.Record, len(actions))
	for i := range actions {
		told[i] = make(chan string, 1)
		rec, err := actions[i].Record(c.topics.Actions)
		if err != nil {
			return nil, err
		}
		records[i] = rec
	}
	for i := range actions {
		defer c.await(actions[i].ID, told[i])()
	}
	for _, err := range c.publisher.Publish(ctx, records...) {
		if err != nil {
			return nil, fmt.Errorf("write down what is to be done: %w", err)
		}
	}
	verdicts := make([]string, len(actions))
	for i := range told {
		select {
		case verdicts[i] = <-told[i]:
		case <-ctx.Done():
			return nil, handler.Unavailable(fmt.Errorf("what is to be done was written, and has not been read back within %v: look again in a moment", writePatience))
		}
	}
	return verdicts, nil
}

// writePatience is how long actions may take to be written and read back.
const writePatience = 30 * time.Second

// one writes one action about a job, and returns the job as it is then. The
// error is a *RefusedError when it does not hold.
func (c *Console) one(ctx context.Context, a action.Action) (Job, error) {
	verdicts, err := c.write(ctx, []action.Action{a})
	if err != nil {
		return Job{}, err
	}
	if verdicts[0] != "" {
		return Job{}, &RefusedError{Reason: verdicts[0]}
	}
	return c.Job(ctx, a.Job)
}

// await has told hear whether an action holds, once it is read; it has room for
// that. The function that it returns ends the wait.
func (x *Index) await(id string, told chan<- string) (end func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.awaited[id] = told
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.awaited, id)
	}
}
