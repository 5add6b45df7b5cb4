package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// proxies stand between the service and the brokers, one before each.
type proxies []*toxiproxy.Proxy

// startProxies listens where the brokers' proxied listeners send their clients.
func startProxies(ctx context.Context, c *cluster) (proxies, error) {
	behind, err := c.addresses(ctx, "proxied")
	if err != nil {
		return nil, err
	}
	before, err := c.addresses(ctx, "advertised")
	if err != nil {
		return nil, err
	}
	zerolog.SetGlobalLevel(zerolog.Disabled) // its toxics use no other logger than the global one
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	var all proxies
	for i := range behind {
		if before[i] == behind[i] {
			all.stop()
			return nil, fmt.Errorf("broker %d advertises itself and no proxy: start the cluster with KAFKA_PROXY_PORT", i+1)
		}
		p := toxiproxy.NewProxy(server, fmt.Sprintf("broker-%d", i+1), before[i], behind[i])
		if err := p.Start(); err != nil {
			all.stop()
			return nil, fmt.Errorf("proxy of broker %d: %w", i+1, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func (all proxies) stop() {
	for _, p := range all {
		p.Stop()
	}
}

// addresses is where the service finds the brokers.
func (all proxies) addresses() []string {
	list := make([]string, len(all))
	for i, p := range all {
		list[i] = p.Listen
	}
	return list
}

// mend opens what stop has cut.
func (all proxies) mend() error {
	for _, p := range all {
		if err := p.Start(); err != nil {
			return fmt.Errorf("start %s again: %w", p.Name, err)
		}
	}
	return nil
}

// poison adds a toxic, as toxiproxy's API takes it, to every connection.
func (all proxies) poison(toxic string) error {
	for _, p := range all {
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			return fmt.Errorf("add %s to %s: %w", toxic, p.Name, err)
		}
	}
	return nil
}

// heal takes every toxic away again.
func (all proxies) heal(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, p := range all {
			p.Toxics.ResetToxics(ctx)
		}
	}()
	select {
	case <-done:
		return nil
	case <-time.After(30 * time.Second):
		return fmt.Errorf("toxiproxy did not take its toxics away within 30 s")
	}
}
