package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnEventReachesThePersonItIsFor(t *testing.T) {
	s := newSite(t).start()
	if code, body := s.post("e1", "2", "1"); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, body)
	}
	eventually(t, "delivery", func() bool { return len(s.inbox("1")) == 1 })
	if diff := cmp.Diff([]string{"Bruno started following you."}, s.inbox("1")); diff != "" {
		t.Error(diff)
	}
}

// A repaired lookup and a redrive bring what was poisoned to its person.
func TestAPoisonedMessageIsRepairedAndRedriven(t *testing.T) {
	site := newSite(t)
	// It is poisoned again and again.
	site.yaml = strings.Replace(site.yaml, "poison: {", "poison: {max_redrives: 1000, ", 1) + "breaker: {share: 0}\n"
	s := site.start()
	if code, body := s.post("e1", "9", "1"); code != http.StatusAccepted {
		t.Fatalf("%d %s", code, body)
	}
	eventually(t, "poison", func() bool { return len(s.poison()) == 1 })
	entry := s.poison()[0]
	if entry.Class != "lookup_missing" || !strings.HasPrefix(entry.Step, "enrich ") || entry.Attempts != 1 {
		t.Errorf("entry %+v", entry)
	}
	s.write("users.yaml", strings.Replace(testUsers, "}}", "}, 9: {name: Noor}}", 1))
	// The file is read again within seconds; until then the message comes back.
	for redrives := 1; len(s.inbox("1")) == 0; redrives++ {
		s.redrive(entry.ID)
		eventually(t, "delivered, or poisoned again", func() bool {
			return len(s.inbox("1")) == 1 || s.poison()[0].Redrives == redrives
		})
	}
	if n := len(s.poison()); n != 1 {
		t.Errorf("a message poisoned again is %d entries", n)
	}
	if diff := cmp.Diff([]string{"Noor started following you."}, s.inbox("1")); diff != "" {
		t.Error(diff)
	}
}
