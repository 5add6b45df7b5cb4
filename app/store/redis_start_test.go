package store

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

func TestRedisOptions(t *testing.T) {
	o, err := redisOptions("rediss://notify:hunter2@redis.internal:6380/2?read_timeout=10s&max_retries=-1")
	if err != nil {
		t.Fatal(err)
	}
	if o.Addr != "redis.internal:6380" || o.DB != 2 || o.Username != "notify" || o.Password != "hunter2" || o.TLSConfig == nil {
		t.Errorf("options = %+v", o)
	}
	if o.ReadTimeout != 10*time.Second || o.MaxRetries != -1 || o.DialTimeout != 2*time.Second {
		t.Errorf("read %v, dial %v, retries %d: the URL says otherwise, or nothing", o.ReadTimeout, o.DialTimeout, o.MaxRetries)
	}
	if o, err = redisOptions("unix:///run/redis.sock?db=1"); err != nil || o.Network != "unix" || o.Addr != "/run/redis.sock" || o.TLSConfig != nil {
		t.Errorf("options of a socket = %+v, %v", o, err)
	}
	for _, url := range []string{"", "http://u:hunter2@h", "redis://u:hunter2@h:x", "redis://u:1/hunter2@h", "redis://h?x=hunter2"} {
		if _, err := openRedis(t.Context(), url, slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// answer is what Redis answers when it refuses.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestMayHeal(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
		{context.DeadlineExceeded, true},
		{io.EOF, true},
		{answer("LOADING Redis is loading the dataset in memory"), true},
		{answer("READONLY You can't write against a read only replica."), true},
		{answer("OOM command not allowed when used memory > 'maxmemory'."), true},
		{answer("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk."), true},
		{answer("ERR max number of clients reached"), true},
		{answer("WRONGPASS invalid username-password pair or user is disabled."), false},
		{answer("NOPERM this user has no permissions to run the 'eval' command"), false},
		{answer("ERR DB index is out of range"), false},
		{unfitError{errors.New("set appendonly to yes")}, false},
		{&tls.CertificateVerificationError{Err: errors.New("signed by unknown authority")}, false},
	} {
		if got := mayHeal(test.err); got != test.want {
			t.Errorf("mayHeal(%v) = %v", test.err, got)
		}
	}
}
