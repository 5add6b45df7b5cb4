//go:build !kafka

package app_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/app/kafka/kafkatest"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// secure lets the site's services come to a broker with TLS and logins.
func secure(t *testing.T, s *site, broker kafkatest.Broker, mechanism, password string) {
	t.Helper()
	authority := kafkatest.NewAuthority(t)
	authority.WriteCA(s.dir, "ca.pem")
	broker.TLS, broker.Logins = authority.Server("127.0.0.1"), true
	t.Setenv("BROKER_PASSWORD", password)
	s.yaml = strings.Replace(s.yaml, "KAFKA", "{brokers: ["+broker.Start(t)+"], single_instance: true, tls: {ca: ca.pem}, "+
		"sasl: {mechanism: "+mechanism+`, username: "`+kafkatest.Username+`", password: "${BROKER_PASSWORD}"}}`, 1)
}

// logged is a log that keeps everything.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestTheServiceOnASecuredCluster(t *testing.T) {
	for _, mechanism := range kafkatest.Mechanisms {
		t.Run(mechanism, func(t *testing.T) {
			s := newSite(t)
			secure(t, s, kafkatest.Broker{}, mechanism, kafkatest.Password)
			log := new(logged)
			a, err := app.New(app.Options{
				Config: s.config(), Registry: handler.Default(),
				Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug - 8})),
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			run := &instance{site: s, app: a, url: "http://" + a.Addr()}
			run.accept("e1", "2", "1")
			eventually(t, "delivery", func() bool { return len(run.inbox("1")) == 1 })
			if diff := cmp.Diff([]string{"Bruno started following you."}, run.inbox("1")); diff != "" {
				t.Error(diff)
			}
			run.stop()
			if text := log.String(); strings.Contains(text, kafkatest.Password) || !strings.Contains(text, "topic") {
				t.Errorf("the log shows the password, or nothing at all:\n%s", text)
			}
		})
	}
}

// Nobody waits a minute for a broker that has said no.
func TestARefusedServiceEndsAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		place func(*testing.T, *site)
		key   string
	}{
		{"wrong password", func(t *testing.T, s *site) {
			secure(t, s, kafkatest.Broker{Refuses: true}, "SCRAM-SHA-512", "wr0ng")
		}, "kafka.sasl: "},
		{"a mechanism not offered", func(t *testing.T, s *site) {
			secure(t, s, kafkatest.Broker{Offers: "SCRAM-SHA-512"}, "PLAIN", "wr0ng")
		}, "kafka.sasl.mechanism: "},
		{"wrong CA", func(t *testing.T, s *site) {
			secure(t, s, kafkatest.Broker{}, "PLAIN", "wr0ng")
			kafkatest.NewAuthority(t).WriteCA(s.dir, "ca.pem")
		}, "kafka.tls.ca: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			tt.place(t, s)
			a, err := app.New(app.Options{Config: s.config(), Registry: handler.Default(), Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			err = a.Start(t.Context())
			var refused *kafka.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.key) || strings.Contains(err.Error(), "wr0ng") {
				t.Errorf("start: %v; want a refusal that names %s", err, tt.key)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// Check finds what is wrong with the files of kafka.tls, and so does a start
// without it.
func TestFaultyCertificateFiles(t *testing.T) {
	s := newSite(t)
	s.yaml = strings.Replace(s.yaml, "KAFKA", "{brokers: [127.0.0.1:1], single_instance: true, tls: {ca: users.yaml, cert: no.pem, key: users.yaml}}", 1)
	cfg := s.config()
	a, err := app.New(app.Options{Config: cfg, Registry: handler.Default()})
	if err != nil {
		t.Fatal(err)
	}
	checked, err := app.Check(t.Context(), cfg, handler.Default())
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"check": checked.Err(),
		"start": a.Start(t.Context()),
	} {
		var faults config.Faults
		if !errors.As(err, &faults) || len(faults) != 3 {
			t.Errorf("%s: %v; want three faults", what, err)
			continue
		}
		for i, key := range []string{"kafka.tls.ca: ", "kafka.tls.cert: ", "kafka.tls.key: "} {
			if !strings.HasPrefix(faults[i].Message, key) || faults[i].Pos.Line != 3 {
				t.Errorf("%s: %s; want a fault of %s", what, faults[i], key)
			}
		}
	}
}
