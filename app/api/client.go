package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trieungochai/kafka-notify/app/pipeline"
)

// clientTimeout bounds a call of the client. The service itself waits for the
// broker, and has a minute to answer, so this is longer.
const clientTimeout = 70 * time.Second

// Client talks to a running service.
type Client struct {
	// Operator is who asks, for the timelines of what is done; Front which front
	// that is, "" for the API itself.
	Operator, Front string

	base *url.URL
	http *http.Client
}

// NewClient makes a client of the service at baseURL, such as
// http://127.0.0.1:8080. It connects to nothing.
func NewClient(baseURL string) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(baseURL, "/"))
	if err != nil {
		return nil, fmt.Errorf("the address of the service: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("the address of the service is %q: write it like http://127.0.0.1:8080", baseURL)
	}
	return &Client{base: base, http: &http.Client{}}, nil
}

// Submission is an event to send. ID, Source and Time may be left out.
type Submission struct {
	Type   string          `json:"type"`
	Data   json.RawMessage `json:"data"`
	ID     string          `json:"id,omitempty"`
	Source string          `json:"source,omitempty"`
	Time   time.Time       `json:"time,omitzero"`
}

// InboxPage is a page of a person's notifications, newest first, as the service
// wrote them.
type InboxPage struct {
	Notifications []json.RawMessage `json:"notifications"`
	// NextCursor is empty after the last page.
	NextCursor string `json:"next_cursor"`
}

// Send submits one event. The error is a *Problem where the service refused it.
func (c *Client) Send(ctx context.Context, e Submission) (Accept, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return Accept{}, fmt.Errorf("write the event: %w", err)
	}
	var answer Accept
	err := c.call(ctx, http.MethodPost, "/v1/events", nil, &body, &answer)
	return answer, err
}

// Inbox returns a page of a person's notifications. A limit of 0 is the
// service's own; the cursor is empty for the first page.
func (c *Client) Inbox(ctx context.Context, user string, limit int, cursor string) (InboxPage, error) {
	var answer InboxPage
	err := c.call(ctx, http.MethodGet, "/v1/users/"+url.PathEscape(user)+"/notifications", pageQuery(limit, cursor), nil, &answer)
	return answer, err
}

// Pipelines returns what runs.
func (c *Client) Pipelines(ctx context.Context) ([]pipeline.Status, error) {
	var answer PipelineList
	err := c.call(ctx, http.MethodGet, "/v1/pipelines", nil, nil, &answer)
	return answer.Pipelines, err
}

func pageQuery(limit int, cursor string) url.Values {
	query := url.Values{}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	return query
}

// call sends a request and reads the JSON answer into answer.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body io.Reader, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	response, err := c.open(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("read the answer of %s: %w (is that kafka-notify?)", c.base, err)
	}
	return nil
}

// open sends a request and returns an answer that is none of an error; the
// caller closes its body.
func (c *Client) open(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Response, error) {
	address := c.base.String() + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("call the service: %w", err)
	}
	request.Header.Set("Accept", strings.Join([]string{typeJSON, typeNDJSON, typeStream, "application/problem+json"}, ", "))
	if body != nil {
		request.Header.Set("Content-Type", typeJSON)
	}
	c.sign(request)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if response.StatusCode < http.StatusBadRequest {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	return nil, problemFrom(response, text)
}

// maxProblem is the most that is read of an answer that is an error, in bytes:
// a list of faults for the largest request fits.
const maxProblem = 16 << 20

// unreachable words a failed connection. A refused one is the most frequent:
// nothing runs there.
func (c *Client) unreachable(err error) error {
	var dial *net.OpError
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return fmt.Errorf("no host of the name in %s is known: %w", c.base, err)
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Errorf("no service answers at %s: start one with \"kafka-notify serve\", or name another with --server: %w", c.base, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the service at %s did not answer in time: %w", c.base, err)
	default:
		return fmt.Errorf("call %s: %w", c.base, err)
	}
}

// problemFrom reads the problem of an answer. Something else than the service,
// a proxy perhaps, answers without one.
func problemFrom(response *http.Response, text []byte) *Problem {
	mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	p := &Problem{}
	if mediaType == "application/problem+json" && json.Unmarshal(text, p) == nil && p.Type != "" {
		return p
	}
	const shown = 200
	excerpt := strings.ToValidUTF8(string(text[:min(len(text), shown)]), "")
	return &Problem{
		Type:   "about:blank",
		Title:  http.StatusText(response.StatusCode),
		Status: response.StatusCode,
		Detail: fmt.Sprintf("the service answered %s: %q", response.Status, excerpt),
	}
}
