package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// claimKey makes the keys of a handler's claims.
type claimKey struct {
	template *expr.Template
	scope    string // What all of them begin with.
}

// newClaimKey returns the keys that a template makes for a handler type. Those of another type, or of
// one whose configuration says something else, are others, wherever in the pipeline it stands.
func newClaimKey(handlerType string, template *expr.Template, says string) claimKey {
	return claimKey{template, handlerType + "/" + digest(template.Source() + says)[:16] + "/"}
}

// maxClaimKey is how long a key may be, in bytes, before its digest stands for it. Stores limit
// the length of keys; events don't.
const maxClaimKey = 256

// of returns the key of the message's claim.
func (k claimKey) of(m *handler.Message) (string, error) {
	var buf [maxClaimKey]byte
	claim, err := k.template.AppendEval(append(buf[:0], k.scope...), m)
	if err != nil {
		return "", err
	}
	switch key := claim[len(k.scope):]; {
	case len(key) == 0:
		// All messages without a key would be taken for the same.
		return "", errors.New("the key is empty")
	case len(key) > maxClaimKey:
		return k.scope + "sha256 " + digest(string(key)), nil
	}
	return string(claim), nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
