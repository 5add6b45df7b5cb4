package record

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names of a poison record's headers. The first four are Watermill's own.
const (
	ReasonPoisoned     = "reason_poisoned"
	TopicPoisoned      = "topic_poisoned"
	HandlerPoisoned    = "handler_poisoned"
	SubscriberPoisoned = "subscriber_poisoned"

	PoisonID            = "poison_id"
	PoisonClass         = "poison_class"
	PoisonStep          = "poison_step"
	PoisonPartition     = "poison_partition"
	PoisonOffset        = "poison_offset"
	PoisonAttempts      = "poison_attempts"
	PoisonFirstFailedAt = "poison_first_failed_at"
	PoisonLastFailedAt  = "poison_last_failed_at"
	PoisonFingerprint   = "poison_fingerprint"
	PoisonRedrives      = "poison_redrives"
	// PoisonTruncated marks a record whose value was too large to keep.
	PoisonTruncated = "poison_truncated"
)

// PoisonHeaders are all headers that poisoning adds.
var PoisonHeaders = []string{
	ReasonPoisoned, TopicPoisoned, HandlerPoisoned, SubscriberPoisoned,
	PoisonID, PoisonClass, PoisonStep, PoisonPartition, PoisonOffset, PoisonAttempts,
	PoisonFirstFailedAt, PoisonLastFailedAt, PoisonFingerprint, PoisonRedrives, PoisonTruncated,
}

// RetryHeaders are the headers of a retry record that say when and how often
// it is tried, and what it holds meanwhile.
var RetryHeaders = []string{HeaderRetryTier, HeaderRetryDue, HeaderAttempts, HeaderClaim, HeaderRedrive}

// Own reports whether a delivery record does without the header of its event
// record: because the service writes it anew, because it speaks of failures,
// or because it would make a notification look like a CloudEvent. Every other
// header is carried along.
func Own(name string) bool {
	switch name {
	case HeaderUUID, HeaderContentType, HeaderEventID, HeaderEventType, HeaderAcceptedAt, HeaderOrigin,
		HeaderRetryTier, HeaderRetryDue, HeaderAttempts, HeaderClaim, HeaderRedrive,
		ReasonPoisoned, TopicPoisoned, HandlerPoisoned, SubscriberPoisoned:
		return true
	}
	return strings.HasPrefix(name, "poison_") || strings.HasPrefix(name, "ce_")
}

// Text makes s fit a header: valid UTF-8, no control characters, at most limit bytes.
func Text(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= limit {
		return s
	}
	const more = "…"
	cut := limit - len(more)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + more
}

// Lines cuts s to at most limit bytes, at the end of a line where there is one.
func Lines(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := strings.ToValidUTF8(s[:limit], "")
	if end := strings.LastIndexByte(cut, '\n'); end > 0 {
		cut = cut[:end+1]
	}
	return cut
}
