package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/redis/go-redis/v9"
)

// unfitError is a way in which a Redis is set up that would lose claims.
type unfitError struct{ error }

// setting is one that Redis needs to have. CONFIG GET shows it, and where that
// is forbidden, as it is by many who run Redis for others, INFO does in its way.
type setting struct {
	name, want      string
	infoKey, inInfo string // the key of INFO, and its value where the setting is as wanted
	otherwise       string // what would happen
}

var settingsNeeded = []setting{
	{
		name: "appendonly", want: "yes", infoKey: "aof_enabled", inInfo: "1",
		otherwise: "a crash would cost the claims of the minutes since the last snapshot, and what they stand for would be sent again",
	},
	{
		name: "maxmemory-policy", want: "noeviction", infoKey: "maxmemory_policy", inInfo: "noeviction",
		otherwise: "Redis would drop claims without a word when its memory is full, and what they stand for would be sent again",
	},
}

// durable returns an unfitError that says how Redis has to be set up, other
// errors when it can't be asked, and nil when all is well or Redis doesn't tell,
// which is logged.
func durable(ctx context.Context, client *redis.Client, log *slog.Logger) error {
	address := client.Options().Addr
	info, err := readInfo(ctx, client)
	if err != nil {
		return err
	}
	if info["redis_mode"] == "cluster" {
		return unfitError{errors.New("it is a node of a Redis cluster, and a store is one server: " +
			"name a server, with or without replicas, that is no cluster")}
	}
	var faults []error
	for _, s := range settingsNeeded {
		value, known, err := s.read(ctx, client, info)
		switch {
		case err != nil:
			return err
		case !known:
			log.Warn("redis does not tell whether it keeps claims: see to it yourself",
				"address", address, "setting", s.name, "needed", s.want, "otherwise", s.otherwise)
		case value != s.want:
			faults = append(faults, fmt.Errorf("set %s to %s, it is %s: %s", s.name, s.want, value, s.otherwise))
		}
	}
	if len(faults) > 0 {
		return unfitError{errors.Join(faults...)}
	}
	return nil
}

// read asks CONFIG, and where Redis doesn't answer that, looks into info.
func (s setting) read(ctx context.Context, client *redis.Client, info map[string]string) (value string, known bool, err error) {
	config, err := client.ConfigGet(ctx, s.name).Result()
	if err = unlessRefused(err); err != nil {
		return "", false, err
	}
	if value, known = config[s.name]; known {
		return value, true, nil
	}
	switch value, known = info[s.infoKey]; {
	case !known:
		return "", false, nil
	case value == s.inInfo:
		return s.want, true, nil
	}
	return fmt.Sprintf("not (INFO says %s:%s)", s.infoKey, value), true, nil
}

// readInfo returns what INFO says, nothing where it is refused.
func readInfo(ctx context.Context, client *redis.Client) (map[string]string, error) {
	text, err := client.Info(ctx).Result()
	if err = unlessRefused(err); err != nil {
		return nil, err
	}
	info := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok {
			info[key] = value
		}
	}
	return info, nil
}

// unlessRefused keeps to itself the error of a command that Redis doesn't have
// or doesn't allow.
func unlessRefused(err error) error {
	var answer redis.Error
	if errors.As(err, &answer) && !mayHeal(err) {
		return nil
	}
	return err
}
