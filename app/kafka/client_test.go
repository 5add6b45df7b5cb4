package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/record"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func TestFetchReadsPages(t *testing.T) {
	bs := brokers(t)
	c, in := client(t, bs), name(t, "in")
	create(t, c, topic(in, 1))
	pub := publisher(t, bs)
	for i := range 10 {
		publish(t, pub, in, "k", fmt.Sprint(i))
	}
	bounds, err := c.Bounds(t.Context(), in, 0)
	if err != nil || bounds != (kafka.Bounds{Start: 0, End: 10}) {
		t.Fatalf("bounds %v, %v", bounds, err)
	}
	records, err := kafka.ReadRange(t.Context(), c, in, 3, 7)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, r := range records {
		values = append(values, string(r.Value))
	}
	if diff := cmp.Diff([]string{"3", "4", "5", "6"}, values); diff != "" {
		t.Error(diff)
	}
	page, err := c.Fetch(t.Context(), in, 0, 4, 1, 0)
	if err != nil || len(page.Records) == 0 || page.Records[0].Offset != 4 {
		t.Errorf("a fetch of one byte brings at least one record: %v, %v", page.Records, err)
	}
	if _, err := c.Bounds(t.Context(), name(t, "none"), 0); !errors.Is(err, kafka.ErrTopicMissing) {
		t.Errorf("bounds of a topic that isn't there: %v", err)
	}
	if _, err := c.Fetch(t.Context(), name(t, "none"), 0, 0, 1, 0); !errors.Is(err, kafka.ErrTopicMissing) {
		t.Errorf("fetch of a topic that isn't there: %v", err)
	}
}

func TestFetchWaitsForARecord(t *testing.T) {
	bs := brokers(t)
	c, in := client(t, bs), name(t, "in")
	create(t, c, topic(in, 1))
	pub := publisher(t, bs)
	go func() {
		time.Sleep(100 * time.Millisecond)
		_ = pub.Publish(context.Background(), &record.Record{Topic: in, Value: []byte("late")})
	}()
	page, err := c.Fetch(t.Context(), in, 0, 0, 1<<20, 10*time.Second)
	if err != nil || len(page.Records) != 1 || string(page.Records[0].Value) != "late" {
		t.Errorf("%v, %v", page, err)
	}
}

func TestBeginAtNowSkipsWhatIsThere(t *testing.T) {
	for _, c := range []struct {
		name  string
		start kafka.Start
		want  int64
	}{
		{"now", kafka.Start{}, 3},
		{"oldest", kafka.Start{Oldest: true}, 0},
		{"long ago", kafka.Start{At: time.Now().Add(-time.Hour)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			bs := brokers(t)
			cl, in, group := client(t, bs), name(t, "in"), name(t, "group")
			create(t, cl, topic(in, 1))
			pub := publisher(t, bs)
			for i := range 3 {
				publish(t, pub, in, "k", fmt.Sprint(i))
			}
			if err := cl.BeginAt(t.Context(), group, in, c.start); err != nil {
				t.Fatal(err)
			}
			publish(t, pub, in, "k", "after")
			// A later start must not move what is committed.
			if err := cl.BeginAt(t.Context(), group, in, kafka.Start{}); err != nil {
				t.Fatal(err)
			}
			lags, err := cl.Lag(t.Context(), group, in)
			if err != nil {
				t.Fatal(err)
			}
			if len(lags) != 1 || lags[0].Committed != c.want || lags[0].End != 4 || lags[0].First.Offset != c.want {
				t.Errorf("%+v, want %d of 4", lags, c.want)
			}
		})
	}
}

func TestTooLargeIsPermanent(t *testing.T) {
	bs := brokers(t)
	in := name(t, "in")
	create(t, client(t, bs), topic(in, 1))
	rec := &record.Record{Topic: in, Value: []byte(strings.Repeat("x", 2<<20))}
	err := publisher(t, bs).Publish(t.Context(), rec)
	if !errors.Is(err, kafka.ErrTooLarge) || !handler.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
}

func TestDeliveryTopicsAreMadeOnce(t *testing.T) {
	bs := brokers(t)
	c := client(t, bs)
	d := kafka.NewDeliveryTopics(c, topic("", 1), -1, 1_000_000, quiet())
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	stem := name(t, "t")
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			if err := d.Ensure(t.Context(), fmt.Sprintf("%s%s.%d", kafka.UserTopicPrefix, stem, i%20)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	there, err := c.TopicPartitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for topic := range there {
		if strings.Contains(topic, stem) {
			made++
		}
	}
	if made != 20 {
		t.Errorf("%d topics, want 20", made)
	}
}

// The topics of a post to all followers are made together, not one after the other.
func TestDeliveryTopicsAreOrderedTogether(t *testing.T) {
	bs := brokers(t)
	var log bytes.Buffer
	debug := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d := kafka.NewDeliveryTopics(client(t, bs), topic("", 1), -1, 1_000_000, debug)
	stem := kafka.UserTopicPrefix + name(t, "t")
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("%s.%d", stem, i))
	}
	d.Order(append(names, names[0]))
	for _, topic := range names {
		if err := d.Ensure(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(log.String(), "created delivery topics"); got != 1 {
		t.Errorf("%d requests:\n%s", got, log.String())
	}
}

func TestDeliveryTopicsStopAtTheLimit(t *testing.T) {
	bs := brokers(t)
	c := client(t, bs)
	there, err := c.TopicPartitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	people := 0
	for topic := range there {
		if strings.HasPrefix(topic, kafka.UserTopicPrefix) {
			people++
		}
	}
	d := kafka.NewDeliveryTopics(c, topic("", 1), -1, people+1, quiet())
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	stem := kafka.UserTopicPrefix + name(t, "t")
	if err := d.Ensure(t.Context(), stem+".1"); err != nil {
		t.Fatal(err)
	}
	err = d.Ensure(t.Context(), stem+".2")
	if !handler.IsPermanent(err) || !strings.Contains(err.Error(), "kafka.max_user_topics") {
		t.Errorf("past the limit: %v", err)
	}
	if err := d.Ensure(t.Context(), stem+".1"); err != nil {
		t.Errorf("a topic that is there: %v", err)
	}
}
