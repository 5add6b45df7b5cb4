package pipeline

import (
	"errors"
	"runtime"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/cenkalti/backoff/v5"

	"github.com/trieungochai/kafka-notify/app/kafka"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// errStopping ends a message's way because the service stops or its partition
// went to another member. It is no failure of the message: nothing is written
// and nothing acknowledged; whoever has the partition next gets it again.
var errStopping = errors.New("the pipeline is stopping")

// noVerdict reports whether err says nothing of the message itself.
func noVerdict(err error) bool { return errors.Is(err, errStopping) || errors.Is(err, errPaused) }

// middlewares is the way of every message of p, outermost first, the same for
// the source topic and for every retry tier:
//
//	settle    an acknowledgement counts only for what was finished
//	hold      waits while the breaker has paused the pipeline
//	poison    takes what retry gave up on, unless the breaker opens
//	later     hands an error that may heal to the next retry tier
//	again     tries again in place, order kept (Watermill's Retry)
//	attempt   counts attempts and tells Retry which errors are permanent
//	outage    waits while the broker or the store is away; costs no attempt
//	Recoverer turns a panic into an error (Watermill's)
//	Timeout   bounds one attempt (Watermill's)
//
// Inside stands handle: decode, claim, run the handlers, publish.
// A retry tier that the stock subscriber reads has due between settle and hold.
func (p *Pipeline) middlewares() []message.HandlerMiddleware {
	return []message.HandlerMiddleware{
		p.settle,
		p.hold,
		p.poison,
		p.later,
		p.again,
		p.attempt,
		p.outage,
		middleware.Recoverer,
		middleware.Timeout(min(p.retry.Timeout, p.retry.InPlace)),
	}
}

// settle begins a message's journey and decides whether its end is
// acknowledged. Ours, because Watermill knows only ack and nack, and
// watermill-kafka sends a nacked message again for ever, deaf to the rebalance
// or the shutdown that waits for it.
func (p *Pipeline) settle(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		d := kafka.DeliveryFrom(msg.Context())
		if d == nil {
			return nil, errors.New("the message carries no delivery: subscribe through kafka.Subscriber")
		}
		if d.Stopped() {
			d.Abandon()
			return nil, nil
		}
		growStack()
		j := p.newJourney(msg.Context(), d)
		msg.SetContext(withJourney(msg.Context(), j))
		_, err := next(msg)
		if err != nil && (errors.Is(err, errStopping) || j.ctx.Err() != nil) {
			d.Abandon()
			return nil, nil
		}
		return nil, err
	}
}

// growStack makes room at once for what the handlers need of the stack of a
// goroutine that Watermill has just begun. Grown step by step, and copied from
// deeper down each time, it took a tenth of a message's time.
//
//go:noinline
func growStack() {
	var room [8 << 10]byte
	runtime.KeepAlive(&room)
}

// again is Watermill's Retry, entered when the first attempt has failed: it
// allocates a dozen times, whether or not it is needed.
func (p *Pipeline) again(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx, began := msg.Context(), time.Now()
		_, failed := next(msg)
		if failed == nil {
			return nil, nil
		}
		msg.SetContext(ctx) // that of the attempt is over
		journeyOf(msg).delivery.Late()
		left := p.retry.InPlace - time.Since(began)
		if left <= 0 {
			return nil, unmarked(failed)
		}
		return p.inPlace(left).Middleware(func(msg *message.Message) ([]*message.Message, error) {
			if failed != nil {
				first := failed
				failed = nil
				return nil, first
			}
			return next(msg)
		})(msg)
	}
}

// inPlace is the policy of retries in place that may take so long.
func (p *Pipeline) inPlace(left time.Duration) middleware.Retry {
	return middleware.Retry{
		MaxRetries:          p.retry.Attempts - 1,
		MaxElapsedTime:      left,
		InitialInterval:     p.retry.Backoff.Initial,
		MaxInterval:         p.retry.Backoff.Max,
		Multiplier:          p.retry.Backoff.Multiplier,
		RandomizationFactor: p.retry.Backoff.Jitter,
		ResetContextOnRetry: true, // or the context that Timeout ended stays
		// ShouldRetry and OnRetryHook stay unset: either makes the back-off
		// grow twice as fast. attempt does their work.
	}
}

// unmarked is err without attempt's mark for permanent ones.
func unmarked(err error) error {
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		return permanent.Unwrap()
	}
	return err
}

// attempt counts, and marks permanent errors in the words of Retry's back-off
// library, which stops at them and returns the error inside.
func (p *Pipeline) attempt(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		j := journeyOf(msg)
		_, err := next(msg)
		if err == nil {
			p.finished(j)
			return nil, nil
		}
		if noVerdict(err) {
			return nil, backoff.Permanent(err)
		}
		j.failed(err, p.chain, p.now())
		p.metrics.attemptsFailed.WithLabelValues(p.Name).Inc()
		if handler.IsPermanent(err) {
			return nil, backoff.Permanent(err)
		}
		if j.delivery.Stopped() {
			return nil, backoff.Permanent(errStopping) // begin no further attempt
		}
		return nil, err
	}
}
