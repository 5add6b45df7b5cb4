package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// maxBody is the size of an answer past which it isn't read, in bytes.
const maxBody = 1 << 20

// maxUnread is how much is read of an answer that says nothing, in bytes.
const maxUnread = 64 << 10

// newClient makes the HTTP client that the lookups of a set share.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:       http.ProxyFromEnvironment,
			DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			// Go keeps two idle connections to a host, which would have
			// most requests of a busy pipeline open their own. The
			// bound keeps a cold cache from flooding the service.
			MaxIdleConnsPerHost:    64,
			MaxConnsPerHost:        64,
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			first := via[0].URL
			if len(via) > 3 || req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
				// Another host would be sent our headers.
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// ask makes one request. The error is otter.ErrNotFound for a 404.
func (r *remote) ask(ctx context.Context, k string) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	defer context.AfterFunc(r.alive, cancel)()

	req, err := r.request(ctx, key(k))
	if err != nil {
		return nil, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, r.explain(req, err)
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, resp.Body, maxUnread) // or the connection is closed, and the next one costs more
		_ = resp.Body.Close()
	}()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, otter.ErrNotFound
	default:
		return nil, fmt.Errorf("the service answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, r.explain(req, err)
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("the service answered with more than %d MiB", maxBody>>20)
	}
	record, err := decode(body)
	if err != nil {
		return nil, err
	}
	return withID(record, k), nil
}

// decode reads one JSON object as strictly as the data of an event, and keeps
// numbers as exact.
func decode(body []byte) (map[string]any, error) {
	value, err := (&handler.Event{Data: body}).Value()
	if err != nil {
		return nil, fmt.Errorf("the service answered 200 without valid JSON: %w", err)
	}
	record, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("the service answered 200 with JSON that is no object")
	}
	return record, nil
}

func (r *remote) request(ctx context.Context, k key) (*http.Request, error) {
	text, err := r.url.Eval(k)
	if err != nil {
		return nil, handler.ExpressionError(fmt.Errorf("fill in the url: %w", err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, text, nil)
	if err != nil {
		// The error of url.Parse shows the URL.
		return nil, errors.New("the url filled in is not valid")
	}
	req.Header = r.headers.Clone()
	req.Host = r.headers.Get("Host")
	if user := req.URL.User; user != nil {
		// As a header it survives a redirect on the same host.
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	return req, nil
}

// explain says why there was no answer, without the URL that net/http's errors
// begin with, and with anything secret that one may quote struck out. It
// doesn't wrap: the ends of contexts inside are not those of the caller's.
func (r *remote) explain(req *http.Request, err error) error {
	var timeout net.Error
	switch {
	case r.alive.Err() != nil:
		return errNotRunning
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("the service did not answer within %v", r.timeout)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	text := err.Error()
	secrets := []string{req.URL.RawQuery}
	for _, values := range req.Header {
		secrets = append(secrets, values...)
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return errors.New("no answer from the service: " + text)
}
