package poison_test

import (
	"testing"

	"github.com/trieungochai/kafka-notify/app/action"
	"github.com/trieungochai/kafka-notify/app/poison"
)

// Everybody may read; only who calls from this machine, and doesn't call it by a
// name that might be anybody's, may act.
func TestMay(t *testing.T) {
	for _, tt := range []struct {
		address, host string
		may           bool
	}{
		{"127.0.0.1", "127.0.0.1:8080", true},
		{"::1", "[::1]:8080", true},
		{"127.0.0.1", "localhost", true},
		{"127.0.0.1", "evil.example:8080", false},
		{"127.0.0.1", "", false},
		{"10.0.0.7", "127.0.0.1:8080", false},
		{"", "localhost", false},
	} {
		by := action.By{Address: tt.address}
		for _, what := range []poison.Permission{poison.ToArchive, poison.ToRedrive, poison.ToEdit, poison.ToDiscard} {
			if err := poison.May(by, tt.host, what); (err == nil) != tt.may {
				t.Errorf("%s from %q, called %q: %v", what, tt.address, tt.host, err)
			}
		}
		if err := poison.May(by, tt.host, poison.ToRead); err != nil {
			t.Errorf("read from %q: %v", tt.address, err)
		}
	}
}
