package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
)

// bareProducer is sarama with its defaults but for acks=all: not idempotent,
// up to five requests in flight, nothing waited for before a batch is sent.
func bareProducer() *sarama.Config {
	c := sarama.NewConfig()
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	return c
}

// runHandler is what a tutorial shows: net/http, encoding/json and a sarama
// SyncProducer. It checks nothing of the event's data.
func runHandler(ctx context.Context, t task) error {
	producer, err := sarama.NewSyncProducer(t.Brokers, bareProducer())
	if err != nil {
		return err
	}
	defer func() { _ = producer.Close() }()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("POST /v1/events", tutorial{producer, t.Topic})
	server := &http.Server{Handler: mux}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	ready(listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type tutorial struct {
	producer sarama.SyncProducer
	topic    string
}

type follow struct {
	Follower string `json:"follower_id"`
	Followee string `json:"followee_id"`
}

// ServeHTTP implements http.Handler.
func (h tutorial) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Type string `json:"type"`
		Data follow `json:"data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id := uuid.NewString()
	value, err := json.Marshal(struct {
		SpecVersion string    `json:"specversion"`
		ID          string    `json:"id"`
		Source      string    `json:"source"`
		Type        string    `json:"type"`
		Time        time.Time `json:"time"`
		Data        follow    `json:"data"`
	}{"1.0", id, "/tutorial", in.Type, time.Now(), in.Data})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _, err = h.producer.SendMessage(&sarama.ProducerMessage{
		Topic: h.topic, Key: sarama.StringEncoder(in.Data.Followee), Value: sarama.ByteEncoder(value),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]string{"id": id, "type": in.Type, "status": "accepted"})
}

// runAsyncProducer sends the workload's events, as the service would write
// them, for as long as it runs. They are made beforehand: nothing but sarama is
// measured.
func runAsyncProducer(ctx context.Context, t task) error {
	w := workload{run: t.Run, people: t.People, followers: t.Followers}
	values, keys, err := w.encoded()
	if err != nil {
		return err
	}
	producer, err := sarama.NewAsyncProducer(t.Brokers, bareProducer())
	if err != nil {
		return err
	}
	var failed error
	var answers sync.WaitGroup
	sending, stop := context.WithCancel(ctx)
	answers.Go(func() {
		for range producer.Successes() {
		}
	})
	answers.Go(func() {
		for err := range producer.Errors() {
			failed = err
			stop()
		}
	})
	ready("")
	for n := 0; sending.Err() == nil; n++ {
		i := n % len(values)
		select {
		case producer.Input() <- &sarama.ProducerMessage{
			Topic: w.topic(), Key: sarama.ByteEncoder(keys[i]), Value: sarama.ByteEncoder(values[i]),
		}:
		case <-sending.Done():
		}
	}
	producer.AsyncClose()
	answers.Wait()
	return failed
}

// encoded are the keys and values of one event for each person.
func (w workload) encoded() (values, keys [][]byte, err error) {
	for i := range w.people {
		r, err := w.record(i, time.Now())
		if err != nil {
			return nil, nil, err
		}
		values, keys = append(values, r.Value), append(keys, r.Key)
	}
	return values, keys, nil
}
