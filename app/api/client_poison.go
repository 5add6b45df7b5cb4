package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/tmaxmax/go-sse"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// sign says who asks.
func (c *Client) sign(request *http.Request) {
	if c.Operator != "" {
		request.Header.Set(HeaderOperator, c.Operator)
	}
	if c.Front != "" {
		request.Header.Set(HeaderFront, c.Front)
	}
}

// Poison returns a page of the poison topic.
func (c *Client) Poison(ctx context.Context, q poison.Query) (poison.Listing, error) {
	var answer poison.Listing
	err := c.call(ctx, http.MethodGet, "/v1/poison", poisonValues(q), nil, &answer)
	return answer, err
}

// PoisonGroups returns what is in the poison topic by its cause, the largest
// group first.
func (c *Client) PoisonGroups(ctx context.Context, q poison.Query) ([]poison.Group, error) {
	var answer PoisonGroups
	err := c.call(ctx, http.MethodGet, "/v1/poison/groups", poisonValues(q), nil, &answer)
	return answer.Groups, err
}

func poisonValues(q poison.Query) url.Values {
	query := pageQuery(q.Limit, q.Cursor)
	c := choiceOf(poison.Selection{Query: q})
	for name, value := range map[string]string{
		"state": c.State, "pipeline": c.Pipeline, "class": c.Class, "filter": c.Filter, "q": c.Words, "older_than": c.OlderThan,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// PoisonEntry returns one entry of the poison topic.
func (c *Client) PoisonEntry(ctx context.Context, id string) (poison.Detail, error) {
	var answer poison.Detail
	err := c.call(ctx, http.MethodGet, "/v1/poison/"+url.PathEscape(id), nil, nil, &answer)
	return answer, err
}

// Act archives, restores or discards messages.
func (c *Client) Act(ctx context.Context, kind action.Kind, s poison.Selection, reason string) (poison.Report, error) {
	var answer poison.Report
	err := c.post(ctx, "/v1/poison/"+string(kind), Deed{choiceOf(s), reason}, &answer)
	return answer, err
}

// PreviewRedrive says what Redrive would do.
func (c *Client) PreviewRedrive(ctx context.Context, o poison.Order) (poison.Preview, error) {
	order := orderOf(o)
	order.DryRun = true
	var answer poison.Preview
	err := c.post(ctx, "/v1/poison/redrives", order, &answer)
	return answer, err
}

// Redrive begins a job that sends messages back.
func (c *Client) Redrive(ctx context.Context, o poison.Order) (Redrive, error) {
	var answer Redrive
	err := c.post(ctx, "/v1/poison/redrives", orderOf(o), &answer)
	return answer, err
}

// Redrives returns the redrive jobs, the newest first.
func (c *Client) Redrives(ctx context.Context) ([]poison.Job, error) {
	var answer Redrives
	err := c.call(ctx, http.MethodGet, "/v1/poison/redrives", nil, nil, &answer)
	return answer.Redrives, err
}

// RedriveJob returns one of them.
func (c *Client) RedriveJob(ctx context.Context, id string) (poison.Job, error) {
	var answer poison.Job
	err := c.call(ctx, http.MethodGet, "/v1/poison/redrives/"+url.PathEscape(id), nil, nil, &answer)
	return answer, err
}

// SteerRedrive pauses, resumes or cancels a job.
func (c *Client) SteerRedrive(ctx context.Context, kind action.Kind, id string) (poison.Job, error) {
	var answer poison.Job
	err := c.call(ctx, http.MethodPost, "/v1/poison/redrives/"+url.PathEscape(id)+"/"+string(kind), nil, nil, &answer)
	return answer, err
}

// TryEdit says what would become of a message with another payload.
func (c *Client) TryEdit(ctx context.Context, id string, value []byte) (poison.EditPreview, error) {
	order := editOf(value)
	order.DryRun = true
	var answer poison.EditPreview
	err := c.post(ctx, "/v1/poison/"+url.PathEscape(id)+"/edit", order, &answer)
	return answer, err
}

// Edit sends a message back with another payload.
func (c *Client) Edit(ctx context.Context, id string, value []byte, reason string) (Redrive, error) {
	order := editOf(value)
	order.Reason = reason
	var answer Redrive
	err := c.post(ctx, "/v1/poison/"+url.PathEscape(id)+"/edit", order, &answer)
	return answer, err
}

// ExportPoison writes every entry that q selects to w, one a line.
func (c *Client) ExportPoison(ctx context.Context, q poison.Query, w io.Writer) error {
	response, err := c.open(ctx, http.MethodGet, "/v1/poison/export", poisonValues(q), nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(w, response.Body); err != nil {
		return fmt.Errorf("the export broke off, what was written is a part: %w", err)
	}
	return nil
}

// maxSummary is the largest event of the stream, in bytes: one with the jobs of
// thousands.
const maxSummary = 16 << 20

// WatchPoison calls visit with what there is, now and after each change, until
// ctx ends.
func (c *Client) WatchPoison(ctx context.Context, visit func(poison.Summary) error) error {
	response, err := c.open(ctx, http.MethodGet, "/v1/poison/stream", nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	for event, err := range sse.Read(response.Body, &sse.ReadConfig{MaxEventSize: maxSummary}) {
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("the stream of %s broke off: %w", c.base, err)
		}
		var s poison.Summary
		if err := json.Unmarshal([]byte(event.Data), &s); err != nil {
			return fmt.Errorf("read the stream of %s: %w", c.base, err)
		}
		if err := visit(s); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return errors.New("the service has ended the stream: it is stopping")
}

// post sends a value as JSON.
func (c *Client) post(ctx context.Context, path string, value, answer any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	return c.call(ctx, http.MethodPost, path, nil, bytes.NewReader(body), answer)
}
