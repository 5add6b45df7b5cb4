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

// configFile is the flag --config: the files of a configuration, and folders of
// them.
type configFile struct{ paths []string }

func (f *configFile) addFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.paths, "config", nil, "read the configuration from `PATH`, a file or a folder of files; may be given several times (default: the built-in one)")
}

// setArguments takes the files from arguments, if there are any.
func (f *configFile) setArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if len(f.paths) > 0 {
		return usagef(cmd, "the files are named twice, by %q and by --config: leave one out", args[0])
	}
	f.paths = args
	return nil
}

// load reads the files. The error is config.Faults where they are at fault.
func (f *configFile) load() (*config.Config, error) {
	return config.Load(os.LookupEnv, f.paths...)
}

// check reads the files and finds everything wrong with them at once, warnings
// included: what config.Load finds, and what app.Check does. The configuration
// is nil where nothing could be made of them.
func (f *configFile) check(ctx context.Context) (*config.Config, config.Faults, error) {
	cfg, err := f.load()
	var faults config.Faults
	switch {
	case err != nil && !errors.As(err, &faults):
		return nil, nil, err
	case cfg == nil:
		return nil, faults, nil
	}
	more, err := app.Check(ctx, cfg, handler.Default())
	if err != nil {
		return nil, nil, err
	}
	return cfg, append(faults, more...), nil
}

// namedPaths is how many files a sentence names.
const namedPaths = 3

// name is what to call the files in a sentence.
func (f *configFile) name() string {
	switch paths := f.paths; {
	case len(paths) == 0:
		return "the built-in configuration"
	case len(paths) > namedPaths:
		return fmt.Sprintf("%s and %d more", strings.Join(paths[:namedPaths-1], ", "), len(paths)-namedPaths+1)
	default:
		return strings.Join(paths, ", ")
	}
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
	for _, path := range s.file.paths {
		b.WriteString(" --config " + shellQuote(path))
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
