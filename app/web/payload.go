package web

import (
	"encoding/hex"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/trieungochai/kafka-notify/app/poison"
)

// payload is a message's value, made visible.
type payload struct {
	Size int
	// Missing says that the record has none.
	Missing bool
	// Text is the value as it is, if it is text.
	Text   string
	IsText bool
	// Pretty is the same laid out, if it is JSON.
	Pretty string
	// Dump shows the bytes, where text doesn't show them all. Cut says that it
	// shows the first ones alone.
	Dump string
	Cut  bool
}

// dumpBytes is how much of a value a dump shows.
const dumpBytes = 64 << 10

func payloadOf(value []byte) payload {
	p := payload{Size: len(value), Missing: value == nil, IsText: utf8.Valid(value)}
	if p.IsText {
		p.Text = string(value)
		p.Pretty, _ = poison.LayOut(value)
	}
	hides := func(r rune) bool { return unseen(r) && r != '\n' && r != '\r' && r != '\t' }
	if !p.IsText || strings.IndexFunc(p.Text, hides) >= 0 {
		p.Cut = len(value) > dumpBytes
		p.Dump = hex.Dump(value[:min(len(value), dumpBytes)])
	}
	return p
}

// getPayload gives out a message's value, byte for byte, as a file.
func (s *site) getPayload(w http.ResponseWriter, r *http.Request) error {
	d, err := s.detail(r)
	if err != nil {
		return err
	}
	// Never shown by the browser: it is whatever somebody has sent.
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "payload-" + d.ID}))
	_, _ = w.Write(d.Value)
	return nil
}
