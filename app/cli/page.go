package cli

import "github.com/spf13/cobra"

// pages is the flags of commands that list what the service hands out in pages.
type pages struct {
	limit  count
	all    bool
	cursor string
}

// largestPage is the most that the service hands out at once.
const largestPage = 1000

func (p *pages) addFlags(cmd *cobra.Command) {
	p.limit = 20
	cmd.Flags().Var(&p.limit, "limit", "list the newest `N`")
	cmd.Flags().BoolVar(&p.all, "all", false, "list all there are")
	cmd.Flags().StringVar(&p.cursor, "cursor", "", "go on from the `CURSOR` that another list ended with")
}

func (p *pages) check(cmd *cobra.Command) error {
	if p.all && cmd.Flags().Changed("limit") {
		return usagef(cmd, "--all and --limit exclude each other: leave one out")
	}
	return nil
}

// collect asks for as many pages as the flags want. The list is never nil, so
// that in JSON it is [] when empty; next is the cursor to go on from, "" at
// the end.
func collect[T any](p *pages, page func(limit int, cursor string) (items []T, next string, err error)) (list []T, next string, err error) {
	list, next = []T{}, p.cursor
	for {
		limit := largestPage
		if !p.all {
			limit = min(limit, int(p.limit)-len(list))
		}
		var items []T
		if items, next, err = page(limit, next); err != nil {
			return nil, "", err
		}
		list = append(list, items...)
		if next == "" || !p.all && len(list) >= int(p.limit) {
			return list, next, nil
		}
	}
}
