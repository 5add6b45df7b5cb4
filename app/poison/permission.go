package poison

import (
	"fmt"
	"net"
	"net/url"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/record"
)

// Permission is a kind of thing that a caller may do.
type Permission string

// What the console can be asked for. To discard is more than to archive: it says
// that nobody will look again.
const (
	ToRead    Permission = "read"
	ToArchive Permission = "archive"
	ToRedrive Permission = "redrive"
	ToEdit    Permission = "edit"
	ToDiscard Permission = "discard"
	// ToResume is for a pipeline that has paused itself.
	ToResume Permission = "resume"
)

// May decides what a caller may do who asked for the service by the name host,
// with or without a port; the error says why not. Until there is authentication
// everybody may read, and only who calls from this machine may change anything.
//
// A request from this machine that calls the service by a name could come from
// any page of the web whose name was made to lead here, or through a proxy that
// everybody reaches: it counts as one from elsewhere.
func May(by action.By, host string, what Permission) error {
	if what == ToRead {
		return nil
	}
	if ip := net.ParseIP(by.Address); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("only callers on the machine of the service may %s: %s is none; log in there, or forward a port of yours to it (ssh -L)", what, by.Address)
	}
	name := (&url.URL{Host: host}).Hostname()
	if name != "localhost" && net.ParseIP(name) == nil {
		return fmt.Errorf("only who calls the service localhost or 127.0.0.1 may %s: it was called %s", what, record.Text(name, maxText))
	}
	return nil
}
