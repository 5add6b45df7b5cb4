package poison_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

// part is a world of which each topic can be read up to an offset only.
type part struct {
	*world
	ends map[string]int64
}

func (p *part) Bounds(ctx context.Context, topic string, partition int32) (kafka.Bounds, error) {
	b, err := p.world.Bounds(ctx, topic, partition)
	b.End = min(b.End, p.ends[topic])
	return b, err
}

func (p *part) Fetch(ctx context.Context, topic string, partition int32, offset int64, maxBytes int32, wait time.Duration) (kafka.Page, error) {
	page, err := p.world.Fetch(ctx, topic, partition, offset, maxBytes, wait)
	for len(page.Records) > 0 && page.Records[len(page.Records)-1].Offset >= p.ends[topic] {
		page.Records = page.Records[:len(page.Records)-1]
	}
	page.Next = min(page.Next, p.ends[topic])
	return page, err
}

// view is all that a console says.
type view struct {
	Details []poison.Detail
	Jobs    []poison.Job
}

func viewOf(t tb, c *poison.Console) (v view) {
	t.Helper()
	err := c.Each(t.Context(), poison.Query{}, func(e poison.Entry) error {
		d, err := c.Get(t.Context(), e.ID)
		v.Details = append(v.Details, d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if v.Jobs, err = c.Jobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}

// Whatever stands in the two topics, and in whichever order they are read, every
// instance comes to the same view of it; and that holds together.
func TestInstancesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		for i := range rapid.IntRange(1, 40).Draw(t, "poisoned") {
			w.add(append(failed("follow", "other", "r", "f", time.Unix(int64(i), 0)),
				record.PoisonID, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"),
				record.PoisonRedrives, strconv.Itoa(i/12))...)
		}
		for range rapid.IntRange(0, 60).Draw(t, "actions") {
			a := action.New(rapid.SampledFrom([]action.Kind{
				action.Archive, action.Restore, action.Discard, action.Redrive, action.Redrive, action.Delivered, action.Superseded,
				action.Plan, action.Sent, action.Pause, action.Resume, action.Cancel, action.Hold, action.End, "unheard of",
			}).Draw(t, "kind"), ann)
			a.Message = rapid.SampledFrom([]string{"a", "b", "c", "gone"}).Draw(t, "message")
			a.Round = rapid.IntRange(0, 3).Draw(t, "round")
			a.Job = fmt.Sprint("job", rapid.IntRange(0, 2).Draw(t, "job"))
			a.Count = rapid.IntRange(0, 4).Draw(t, "count")
			a.Terms = &action.Terms{Target: poison.ToPipeline}
			rec, err := a.Record(actionsName)
			if err != nil {
				t.Fatal(err)
			}
			w.Publish(t.Context(), rec)
		}
		w.Publish(t.Context(), &record.Record{Topic: actionsName, Value: []byte("no action")})

		p := &part{w, make(map[string]int64)}
		x := poison.NewIndex(topics, p, slog.New(slog.DiscardHandler))
		for range rapid.IntRange(0, 5).Draw(t, "looks") {
			for _, topic := range []string{topicName, actionsName} {
				p.ends[topic] = max(p.ends[topic], rapid.Int64Range(0, int64(len(w.in(topic)))).Draw(t, "read to"))
			}
			if err := x.CatchUp(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		for _, topic := range []string{topicName, actionsName} {
			p.ends[topic] = int64(len(w.in(topic)))
		}
		if err := x.CatchUp(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		slowly, atOnce := viewOf(t, poison.NewConsole(x, w, w, 10)), viewOf(t, over(t, w))
		if diff := cmp.Diff(atOnce, slowly, cmpopts.IgnoreUnexported(poison.Event{})); diff != "" {
			t.Fatalf("(-at once +slowly):\n%s", diff)
		}
		check(t, atOnce)
	})
}

// check reports what can't be.
func check(t tb, v view) {
	t.Helper()
	jobs := make(map[string]poison.Job)
	for _, j := range v.Jobs {
		jobs[j.ID] = j
		if j.Sent > j.Total || j.Known() > j.Sent || j.Taken < 0 || j.State == poison.Finished && j.Sent < j.Total {
			t.Errorf("job %+v", j)
		}
	}
	for _, d := range v.Details {
		if d.State == poison.Redriven && d.Job == "" && d.Fate == "" {
			t.Errorf("%s is redriven by nobody", d.ID)
		}
		if j := jobs[d.Job]; d.State == poison.Redriven && j.State == poison.Cancelled && j.Sent == 0 && d.Fate == "" {
			t.Errorf("%s was never sent, and is %s", d.ID, d.State)
		}
	}
}
