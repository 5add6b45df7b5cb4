package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// redisPatience is how long a start waits for a Redis that doesn't answer.
const redisPatience = 60 * time.Second

// openRedis opens the store in the Redis at url, as soon as that answers and if
// it is fit to keep claims. No error of it holds the password.
func openRedis(ctx context.Context, url string, log *slog.Logger) (*Store, error) {
	return openRedisAt(ctx, url, log, time.Now, redisPatience)
}

func openRedisAt(ctx context.Context, url string, log *slog.Logger, now func() time.Time, patience time.Duration) (*Store, error) {
	o, err := redisOptions(url)
	if err != nil {
		return nil, err
	}
	logging.Disable() // the library's own log: all it says comes as an error too
	client := redis.NewClient(o)
	if err := awaitRedis(ctx, client, log, patience); err != nil {
		_ = client.Close() // it failed anyway
		return nil, err
	}
	return newStore(shared{client}, connections, now), nil
}

// redisOptions are those of url, and for what that leaves open our own: short
// times, so that an outage is noticed and waited for by the pipelines.
func redisOptions(url string) (*redis.Options, error) {
	o, err := redis.ParseURL(url)
	if err != nil { // which may quote the password
		return nil, errors.New("store.redis.url is no URL of a Redis server")
	}
	orElse(&o.DialTimeout, 2*time.Second)
	orElse(&o.ReadTimeout, 3*time.Second)
	orElse(&o.WriteTimeout, 3*time.Second)
	orElse(&o.MaxRetries, 1)
	orElse(&o.MaxRetryBackoff, 100*time.Millisecond)
	orElse(&o.PoolSize, connections)
	orElse(&o.Protocol, 2) // the next one is for messages that the server begins
	o.DialerRetries = 1
	o.ContextTimeoutEnabled = true
	o.PipelinePoolSize = -1 // all is pipelines, so they need no pool of their own
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

func orElse[T comparable](value *T, standard T) {
	var unset T
	if *value == unset {
		*value = standard
	}
}

// awaitRedis waits for a Redis that is only just starting, and examines it.
func awaitRedis(ctx context.Context, client *redis.Client, log *slog.Logger, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	address := client.Options().Addr
	for {
		asking, done := context.WithTimeout(ctx, answerTime)
		err := examine(asking, client, log)
		done()
		switch {
		case err == nil:
			return nil
		case redis.HasErrorPrefix(err, "WRONGPASS"), redis.HasErrorPrefix(err, "NOAUTH"):
			return fmt.Errorf("redis at %s refuses the user or the password of store.redis.url: %w", address, err)
		case !mayHeal(err):
			return fmt.Errorf("redis at %s (store.redis.url): %w", address, err)
		}
		log.Warn("waiting for redis", "address", address, "error", err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("redis at %s (store.redis.url) is out of reach: %w", address, err)
		case <-time.After(time.Second):
		}
	}
}

// mayHeal tells the errors of a Redis that is away, starting, failing over or
// out of room from those that somebody has to do something about.
func mayHeal(err error) bool {
	var (
		answer      redis.Error
		certificate *tls.CertificateVerificationError
		unfit       unfitError
	)
	switch {
	case errors.As(err, &unfit), errors.As(err, &certificate):
		return false
	case !errors.As(err, &answer):
		return true
	}
	return slices.ContainsFunc([]string{
		"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY", "OOM", "MISCONF",
		"max number of clients reached",
	}, func(prefix string) bool { return redis.HasErrorPrefix(err, prefix) })
}

// examine says what keeps claims from being taken, or from being kept.
func examine(ctx context.Context, client *redis.Client, log *slog.Logger) error {
	if err := client.Ping(ctx).Err(); err != nil {
		return err
	}
	if err := durable(ctx, client, log); err != nil {
		return err
	}
	return rehearse(ctx, client)
}

// rehearse runs every command that claims need, on a key of its own: a user
// may lack the permission, and a replica takes no writes.
func rehearse(ctx context.Context, client *redis.Client) error {
	const key, value = keyPrefix + "rehearsal", "rehearsal"
	commands := []func() error{
		func() error {
			return client.SetArgs(ctx, key, value, redis.SetArgs{Mode: "NX", TTL: time.Minute}).Err()
		},
		func() error { return client.Get(ctx, key).Err() },
		func() error { return swap.Eval(ctx, client, []string{key}, value, value, 60_000).Err() },
		func() error { return swap.EvalSha(ctx, client, []string{key}, value, "", 0).Err() },
	}
	for _, run := range commands {
		// Another instance may be at it too: what is found doesn't matter.
		if err := run(); err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("a command that claims need fails: %w", err)
		}
	}
	return nil
}
