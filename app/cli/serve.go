package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func newServe() *cobra.Command {
	var file configFile
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the service until it is interrupted",
		Long: `Runs the service until it is interrupted. Without --config it uses the built-in
configuration, with a Kafka broker and a store of its own below ./data. So it
does where no file has a kafka or a store section.
The log goes to stderr.`,
		Example: `kafka-notify serve --config kafka-notify.yaml
kafka-notify serve --config /etc/kafka-notify --config /run/secrets/kafka.yaml`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), &file, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	file.addFlag(cmd)
	return cmd
}

func serve(ctx context.Context, file *configFile, stdout, stderr io.Writer) error {
	cfg, found, err := file.check(ctx)
	if err = errors.Join(err, found.Err()); err != nil {
		return startError{err}
	}
	log := newLogger(stderr, cfg.Log)
	log.Info("starting", "config", file.name())
	warnOfAbsent(log, cfg)

	started := false
	options := app.Options{Config: cfg, Registry: handler.Default(), Logger: log}
	err = app.Run(ctx, options, func(a *app.App) {
		started = true
		fmt.Fprint(stdout, banner(cfg, a.Addr(), a.Brokers(), a.Topics()))
	})
	var faults config.Faults
	switch {
	case err == nil:
		log.Info("stopped")
		return nil
	case errors.As(err, &faults):
		return startError{err}
	case ctx.Err() != nil && !started:
		// Whatever it waited for then failed for that reason.
		log.Info("stopped while starting", "error", err)
		return nil
	}
	// Several errors stand on a line each; a supervisor's log wants one.
	return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
}

// warnOfAbsent says what is used because no file says anything else: whoever
// forgets the file with the cluster would not notice.
func warnOfAbsent(log *slog.Logger, cfg *config.Config) {
	if !cfg.Has("kafka") {
		log.Warn("no file has a kafka section: the embedded broker is used", "data_dir", cfg.Kafka.Embedded.DataDir)
	}
	if !cfg.Has("store") {
		log.Warn("no file has a store section: the embedded store is used", "data_dir", cfg.Store.Embedded.DataDir)
	}
}

// newLogger makes the service's log. The configuration has been checked.
func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// banner says where everything is, and what to try first.
func banner(cfg *config.Config, addr string, brokers, topics []string) string {
	address, err := serverURL(addr)
	if err != nil {
		address = "http://" + addr
	}
	broker, data := strings.Join(brokers, ", "), []string{}
	if e := cfg.Kafka.Embedded; e != nil {
		broker += " (embedded: for one machine, to try out and for small use)"
		data = append(data, e.DataDir)
	}
	if e := cfg.Store.Embedded; e != nil {
		data = append(data, e.DataDir)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "kafka-notify is running.\n\n")
	fmt.Fprintf(&b, "  HTTP    %s\n", address)
	fmt.Fprintf(&b, "  Kafka   %s\n", broker)
	if r := cfg.Store.Redis; r != nil {
		fmt.Fprintf(&b, "  Redis   %s\n", r.Address())
	}
	if len(data) > 0 {
		fmt.Fprintf(&b, "  data    %s\n", strings.Join(data, ", "))
	}
	fmt.Fprintf(&b, "  topics  %s\n\n", topicSummary(cfg, topics))
	b.WriteString(firstSteps(cfg, address))
	return b.String()
}

// shownTopics is how many event topics the banner names.
const shownTopics = 8

// topicSummary names the event topics, those of people and the poison topic,
// and counts the others.
func topicSummary(cfg *config.Config, topics []string) string {
	var names []string
	for _, event := range slices.Sorted(maps.Keys(cfg.Events)) {
		names = append(names, "events."+event)
	}
	if more := len(names) - shownTopics; more > 0 {
		names = append(names[:shownTopics], fmt.Sprintf("%d more events.*", more))
	}
	names = append(names, "notifications.user.<id>", cfg.Poison.Topic)
	retries := 0
	for _, t := range topics {
		if strings.HasPrefix(t, "notifications.retry.") {
			retries++
		}
	}
	if retries > 0 {
		names = append(names, plural(retries, "retry topic"))
	}
	return strings.Join(names, ", ")
}

// firstSteps is what a newcomer pastes into a second terminal.
func firstSteps(cfg *config.Config, address string) string {
	if _, ok := cfg.Events["follow"]; !ok {
		return "See what runs:\n\n  curl " + address + "/v1/pipelines\n"
	}
	const event = `{"type":"follow","data":{"follower_id":"2","followee_id":"1"}}`
	return "Let person 2 follow person 1, and read what person 1 is told:\n\n" +
		"  curl -i -H 'Content-Type: application/json' -d '" + event + "' " + address + "/v1/events\n" +
		"  curl " + address + "/v1/users/1/notifications\n"
}

// plural counts things: "1 lookup", "2 lookups".
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
