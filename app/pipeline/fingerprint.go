package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// varying is what differs between failures of one cause: quoted values, ids,
// hosts with their ports, numbers.
var varying = regexp.MustCompile(
	`"[^"]*"|'[^']*'` +
		`|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}` +
		`|\[[0-9a-fA-F:]+\](:\d+)?` +
		`|\b([a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}(:\d+)?\b` +
		`|\b[0-9a-fA-F]{12,}\b` +
		`|\d+(\.\d+)*(:\d+)?`)

// fingerprint is equal for failures of one cause: the reason counts without
// what varies from message to message.
func fingerprint(pipelineID, class, step, reason string) string {
	plain := varying.ReplaceAllString(reason, "*")
	sum := sha256.Sum256([]byte(strings.Join([]string{pipelineID, class, step, plain}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// frames are the innermost n functions of a stack, without runtime's own and
// those of the recovery.
func frames(stack string, n int) string {
	var names []string
	for line := range strings.Lines(stack) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "/") && strings.Contains(line, "(") &&
			!strings.HasPrefix(line, "goroutine") && !strings.HasPrefix(line, "runtime") &&
			!strings.HasPrefix(line, "panic(") && !strings.Contains(line, "watermill/message/router/middleware") {
			names = append(names, line[:strings.LastIndex(line, "(")])
		}
		if len(names) == n {
			break
		}
	}
	return strings.Join(names, ", ")
}
