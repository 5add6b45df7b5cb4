package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trieungochai/kafka-notify/app"
	"github.com/trieungochai/kafka-notify/app/api"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// configFile is the flag --config.
type configFile struct{ path string }

func (f *configFile) addFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.path, "config", "", "read the configuration from `FILE` (default: the built-in one)")
}

// setArgument takes the file from an argument, if there is one.
func (f *configFile) setArgument(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if f.path != "" {
		return usagef(cmd, "the file is named twice, by %q and by --config: leave one out", args[0])
	}
	f.path = args[0]
	return nil
}

// load reads the file. The error is config.Faults where it is at fault.
func (f *configFile) load() (*config.Config, error) {
	if f.path == "" {
		return config.Default(os.LookupEnv)
	}
	return config.Load(f.path, os.LookupEnv)
}

// check reads the file and finds every fault of it at once: those that
// config.Load finds, and those of handlers, expressions and lookups.
func (f *configFile) check(ctx context.Context) (*config.Config, error) {
	cfg, err := f.load()
	var faults, more config.Faults
	if err != nil && (cfg == nil || !errors.As(err, &faults)) {
		return nil, err
	}
	more, err = app.Check(ctx, cfg, handler.Default())
	if err != nil {
		return nil, err
	}
	if err := append(faults, more...).Err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// name is what to call the file in a sentence.
func (f *configFile) name() string {
	if f.path == "" {
		return "the built-in configuration"
	}
	return f.path
}

// service is the flags of commands that talk to a running service.
type service struct {
	file   configFile
	server string
}

func (s *service) addFlags(cmd *cobra.Command) {
	s.file.addFlag(cmd)
	cmd.Flags().StringVar(&s.server, "server", "", "talk to the service at `URL` (default: http.listen of the configuration)")
}

// client makes a client of the service that the flags name.
func (s *service) client(cmd *cobra.Command) (*api.Client, error) {
	if address := s.server; address != "" {
		if !strings.Contains(address, "://") {
			address = "http://" + address // host:port alone is what people try first
		}
		client, err := api.NewClient(address)
		if err != nil {
			return nil, usagef(cmd, "--server: %s", err)
		}
		return client, nil
	}
	cfg, err := s.file.load()
	if err != nil {
		return nil, err
	}
	address, err := serverURL(cfg.HTTP.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen of %s: %w", s.file.name(), err)
	}
	return api.NewClient(address)
}

// flags returns the flags as they were given, to repeat them in a hint.
func (s *service) flags() string {
	var b strings.Builder
	if s.file.path != "" {
		b.WriteString(" --config " + shellQuote(s.file.path))
	}
	if s.server != "" {
		b.WriteString(" --server " + shellQuote(s.server))
	}
	return b.String()
}

// serverURL is where a service that listens on address is reached from the
// same machine.
func serverURL(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return "", err
	case port == "0":
		return "", errors.New("port 0 is another one at each start: name the service with --server")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

var shellWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)

// shellQuote writes text so that a shell takes it for one word and nothing else.
func shellQuote(text string) string {
	if shellWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
