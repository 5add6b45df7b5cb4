package poison_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/app/poison"
	"github.com/trieungochai/kafka-notify/app/record"
)

func TestOverviewIsListAndGroups(t *testing.T) {
	f := newWorld()
	for i := range 9 {
		f.add(append(failed("follow", []string{"decode", "other"}[i%2], "r", fmt.Sprint(i%4), time.Now()), record.PoisonID, fmt.Sprint(i))...)
	}
	x := over(t, f)
	q := poison.Query{Filter: `class == "decode"`, Limit: 2}
	for range 2 {
		list, groups, err := x.Overview(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		wantList, _ := x.List(t.Context(), q)
		wantGroups, _ := x.Groups(t.Context(), q)
		if diff := cmp.Diff(wantList, list) + cmp.Diff(wantGroups, groups); diff != "" {
			t.Error(diff)
		}
		q.Cursor = list.NextCursor
	}
	for _, wrong := range []poison.Query{{Filter: "("}, {Cursor: "none"}} {
		if _, _, err := x.Overview(t.Context(), wrong); err == nil {
			t.Errorf("%+v: no error", wrong)
		}
	}
}
