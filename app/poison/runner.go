package poison

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/record"
)

// Sender writes records in transactions: all of a call, or none. Opening another
// one of the same name ends whatever the one before had not committed, and lets
// it commit nothing more.
type Sender interface {
	Commit(ctx context.Context, records ...*record.Record) error
	Close()
}

// Cluster is what a runner needs of Kafka.
type Cluster interface {
	// Sender opens the sender of that name.
	Sender(ctx context.Context, name string) (Sender, error)
	// Since calls visit with every committed record that was written to topic at
	// that time or later, in any of its partitions.
	Since(ctx context.Context, topic string, at time.Time, visit func(*record.Record)) error
}

// Runner sends what redrive jobs are to send. Of all instances of the service
// one runs jobs at a time; should there be two for a moment, the later one
// fences the other, because each job has a transactional id.
//
// The messages of a job go out in the order of its set, and in the same
// transaction goes a record that says how far it is. Whoever takes a job over
// therefore knows what was sent, and sends the rest. It looks in the target all
// the same: the embedded broker's transactions are not atomic when it is killed.
type Runner struct {
	console *Console
	cluster Cluster
	log     *slog.Logger
}

// NewRunner runs the jobs of c.
func NewRunner(c *Console, cluster Cluster, log *slog.Logger) *Runner {
	return &Runner{console: c, cluster: cluster, log: log}
}

// unplanned is how long a job's set may take to be written down. What its front
// has not planned by then, because it died, is let go.
const unplanned = time.Minute

// Run runs jobs until ctx ends, and waits for what is under way.
func (r *Runner) Run(ctx context.Context) {
	var jobs sync.WaitGroup
	defer jobs.Wait()
	var mu sync.Mutex
	driven := make(map[string]bool)
	for {
		changed := r.console.Changed()
		for _, id := range r.console.unfinished(time.Now().Add(-unplanned)) {
			mu.Lock()
			begin := !driven[id]
			driven[id] = true
			mu.Unlock()
			if !begin {
				continue
			}
			jobs.Go(func() {
				r.drive(ctx, id)
				mu.Lock()
				delete(driven, id)
				mu.Unlock()
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(unplanned / 4):
		}
	}
}

// unfinished are the jobs that somebody has to run: those planned, and those
// whose plan doesn't come any more.
func (x *Index) unfinished(plannedBy time.Time) (ids []string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, j := range x.ledger.order {
		if !j.state.Over() && (j.state != Planning || j.begun.Before(plannedBy)) {
			ids = append(ids, j.id)
		}
	}
	return ids
}

// drive runs one job until it is over, with a new sender after each failure.
func (r *Runner) drive(ctx context.Context, id string) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 5*time.Second
	for ctx.Err() == nil {
		err := r.session(ctx, id)
		if err == nil || ctx.Err() != nil {
			return
		}
		r.log.Warn("a redrive job has failed, and is taken up again", "job", id, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause.NextBackOff()):
		}
	}
}

// session runs a job with one sender.
func (r *Runner) session(ctx context.Context, id string) error {
	sender, err := r.cluster.Sender(ctx, "kafka-notify.redrive."+id)
	if err != nil {
		return fmt.Errorf("open a transactional producer: %w", err)
	}
	defer sender.Close()
	// Nobody else commits anything of this job any more: what the topics say now
	// is final. And a message that the index had not read yet would look like one
	// that Kafka has deleted.
	if err := r.console.Sync(ctx); err != nil {
		return fmt.Errorf("read how far the job is: %w", err)
	}
	run := &run{Runner: r, id: id, sender: sender}
	if err := run.look(ctx); err != nil {
		return fmt.Errorf("look what stands in the target already: %w", err)
	}
	for {
		done, err := run.step(ctx)
		if err != nil || done {
			return err
		}
	}
}

// run is one job with one sender.
type run struct {
	*Runner
	id     string
	sender Sender

	limit *rate.Limiter
	held  bool // when last looked at
	// Of these many fates it was decided already that the job goes on.
	excusedKnown, excusedFailed int
}

// look compares what the job says with what stands in its target, and makes the
// two agree before anything else is done: of a transaction that the embedded
// broker was killed in, any part may be missing. What was sent last and is not
// there is sent; what is there is said to be sent, with all before it.
func (r *run) look(ctx context.Context) error {
	now := r.console.progress(r.id)
	from := now.job.Sent - len(now.last)
	topics := make(map[string]bool)
	for _, m := range slices.Concat(now.last, now.left) {
		if topic := r.console.topicOf(m, now.job.Terms.Target); topic != "" {
			topics[topic] = true
		}
	}
	there := make(map[int]bool) // by place in the set
	for topic := range topics {
		err := r.cluster.Since(ctx, topic, now.job.BegunAt.Add(-clockSkew), func(rec *record.Record) {
			if job, place, ok := parseRedrive(rec.Get(record.HeaderRedrive)); ok && job == r.id && place >= from && place < now.job.Total {
				there[place] = true
			}
		})
		if err != nil {
			return err
		}
	}
	var missing []place
	for i, m := range now.last {
		if !there[from+i] && r.console.fateOf(m) == "" {
			missing = append(missing, place{from + i, m})
		}
	}
	reach := now.job.Sent
	for number := range there {
		reach = max(reach, number+1)
	}
	for number := now.job.Sent; number < reach; number++ {
		if !there[number] {
			missing = append(missing, place{number, now.left[number-now.job.Sent]})
		}
	}
	if len(missing) == 0 && reach == now.job.Sent {
		return nil
	}
	return r.commitSent(ctx, &now.job, missing, reach)
}

// clockSkew is how far apart the clocks of two machines may be.
const clockSkew = 5 * time.Minute

// progress is a job at one moment, with what it has still to send.
type progress struct {
	job      Job
	last     []member // what was sent last
	left     []member
	canary   int // failures among the first messages
	checked  int // of the canary, fates known
	reviewed bool
}

// progress is how far a job is.
func (x *Index) progress(id string) progress {
	x.mu.RLock()
	defer x.mu.RUnlock()
	j := x.ledger.jobs[id]
	if j == nil {
		return progress{job: Job{ID: id, State: Finished}}
	}
	p := progress{job: x.view(j), last: j.set[j.from:j.sent], left: j.set[j.sent:], reviewed: j.reviewed}
	for _, m := range j.set[:min(j.sent, j.terms.Canary)] {
		switch x.fate(m) {
		case "":
		case failedAgain:
			p.canary++
			p.checked++
		default:
			p.checked++
		}
	}
	return p
}

// step does the next thing that the job needs; done when it is over.
func (r *run) step(ctx context.Context) (done bool, err error) {
	changed := r.console.Changed()
	now := r.console.progress(r.id)
	job := &now.job
	switch {
	case job.State.Over():
		return true, nil
	case job.State == Planning:
		return r.end(ctx, "its plan was never finished")
	case job.State == Cancelling:
		return r.end(ctx, job.Why)
	case job.Total == 0:
		return r.end(ctx, "all of its messages had been taken by others")
	case len(now.left) == 0:
		return r.end(ctx, "")
	case job.State != Running:
		r.held = r.held || job.State == Held
		return false, wait(ctx, changed)
	}
	if r.held { // an operator has looked at it since
		r.held, r.excusedKnown, r.excusedFailed = false, job.Known(), job.Failed
	}
	if why := r.doubts(&now); why != "" {
		return false, r.say(ctx, action.Hold, why)
	}
	n := len(now.left)
	if canary := job.Terms.Canary - job.Sent; canary > 0 {
		n = min(n, canary)
	} else if job.Terms.Canary > 0 && !now.reviewed && now.checked < job.Terms.Canary {
		return false, wait(ctx, changed)
	}
	return false, r.send(ctx, job, now.left[:n])
}

// doubts are why the job should not go on.
func (r *run) doubts(now *progress) string {
	job := &now.job
	if !now.reviewed && now.canary > 0 {
		return fmt.Sprintf("%d of the first %d messages failed again", now.canary, job.Terms.Canary)
	}
	known, failed := job.Known()-r.excusedKnown, job.Failed-r.excusedFailed
	if job.Terms.MaxFailed > 0 && known >= minKnown && float64(failed) > job.Terms.MaxFailed*float64(known) {
		return fmt.Sprintf("%d of %d messages failed again, more than %g %%", failed, known, 100*job.Terms.MaxFailed)
	}
	return ""
}

// minKnown is of how many messages the fate must be known before their share of
// failures says anything.
const minKnown = 10

// end writes the job's end.
func (r *run) end(ctx context.Context, why string) (done bool, err error) {
	return true, r.say(ctx, action.End, why)
}

// say writes down what the job does by itself, through its own sender: one that
// was fenced has nothing to say.
func (r *run) say(ctx context.Context, kind action.Kind, why string) error {
	a := action.New(kind, action.Service)
	a.Job, a.Reason = r.id, why
	return r.commit(ctx, &a)
}

// commit writes records together with an action, and waits until that is read
// back: until then the job would seem to have sent less than it has.
func (r *run) commit(ctx context.Context, a *action.Action, records ...*record.Record) error {
	rec, err := a.Record(r.console.topics.Actions)
	if err != nil {
		return err
	}
	read := make(chan string, 1)
	defer r.console.await(a.ID, read)()
	if err := r.sender.Commit(ctx, append(records, rec)...); err != nil {
		return err
	}
	select {
	case <-read:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// batch is how many messages go into one transaction.
const batch = 500

// send sends the next messages of the job, as many as its rate allows at once.
func (r *run) send(ctx context.Context, job *Job, left []member) error {
	n := min(len(left), batch)
	if most := job.Terms.Rate; most > 0 {
		// A tenth of a second's worth at a time.
		n = min(n, max(1, int(most/10)))
		if r.limit == nil {
			r.limit = rate.NewLimiter(rate.Limit(most), max(1, int(most/10)))
		}
		if err := r.limit.WaitN(ctx, n); err != nil {
			return err
		}
	}
	places := make([]place, n)
	for i := range places {
		places[i] = place{job.Sent + i, left[i]}
	}
	return r.commitSent(ctx, job, places, job.Sent+n)
}

// place is a message and its place in the job's set.
type place struct {
	number int
	member member
}

// commitSent sends messages, and says that the first count of the job are sent.
func (r *run) commitSent(ctx context.Context, job *Job, places []place, count int) error {
	records, gone, err := r.load(ctx, job, places)
	if err != nil {
		return err
	}
	sent := action.New(action.Sent, action.Service)
	sent.Job, sent.Count, sent.Gone = r.id, count, gone
	return r.commit(ctx, &sent, records...)
}

// load makes the records of messages that are to be sent, but for those that
// Kafka has deleted.
func (r *run) load(ctx context.Context, job *Job, places []place) (records []*record.Record, gone int, err error) {
	members := make([]member, len(places))
	for i, p := range places {
		members[i] = p.member
	}
	all, err := r.console.outgoing(ctx, members, job.Terms.Target)
	if err != nil {
		return nil, 0, err
	}
	for i, rec := range all {
		if rec == nil {
			r.log.Error("a message of a redrive job is not in the poison topic any more", "job", r.id, "poison_id", members[i].id)
			gone++
			continue
		}
		rec.Set(record.HeaderRedrive, formatRedrive(r.id, places[i].number))
		records = append(records, rec)
	}
	return records, gone, nil
}

// wait waits for a change, or a little while: fates may be known by time alone.
func wait(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-time.After(time.Second):
	}
	return nil
}
