package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// conn is one keep-alive connection. The requests are written whole, so that
// making them takes little from the server that is measured.
type conn struct {
	net.Conn
	answers *bufio.Reader
}

func dial(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// postRequest is a POST to /v1/events as it goes over the wire.
func postRequest(addr, contentType string, body []byte) []byte {
	request := fmt.Appendf(nil, "POST /v1/events HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		addr, contentType, len(body))
	return append(request, body...)
}

// send writes a request and reads its answer, which must be a 202.
func (c *conn) send(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		return fmt.Errorf("submitting was answered with %s: %s", answer.Status, bytes.TrimSpace(text))
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// flood sends the requests in turn over connections, each as fast as its
// answers come, until ctx ends. accepted counts the answers.
func flood(ctx context.Context, addr string, connections int, requests [][]byte, accepted *atomic.Int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range connections {
		c, err := dial(addr)
		if err != nil {
			cancel(err)
			break
		}
		wg.Go(func() {
			defer func() { _ = c.Close() }()
			for ctx.Err() == nil {
				n := int(next.Add(1)) % len(requests)
				if err := c.send(requests[n]); err != nil {
					cancel(err)
					return
				}
				accepted.Add(1)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // it has gone on until it was told to end
}

// awaitReady waits until the service at addr says that it is ready.
func awaitReady(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(req)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the service at %s is not ready: %w", addr, ctx.Err())
		}
	}
}
