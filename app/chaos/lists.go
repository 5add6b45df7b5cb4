package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// lists asks an instance what it shows each person, oldest first.
func lists(ctx context.Context, i *instance, t topics, people int) ([][]string, error) {
	client := http.Client{Timeout: time.Minute}
	all := make([][]string, people)
	for person := range people {
		user := strings.TrimPrefix(t.user(person), "notifications.user.")
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.url+"/notifications/"+user, nil)
		if err != nil {
			return nil, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, fmt.Errorf("list of person %d: %w", person, err)
		}
		var list struct{ Notifications []struct{ Message string } }
		err = json.NewDecoder(resp.Body).Decode(&list)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("list of person %d: %s: %w", person, resp.Status, err)
		}
		all[person] = make([]string, len(list.Notifications))
		for n, one := range list.Notifications {
			all[person][n] = one.Message
		}
	}
	return all, nil
}
