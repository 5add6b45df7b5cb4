package suite

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/trieungochai/kafka-notify/app/pipeline"
	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// Coverage is what of the pipelines the tests have reached. A handler counts
// where it is defined: one inside of a declared handler type once, through
// whichever use it is reached. A branch is one way on from a handler that has
// several: each case of a switch, its default, or that no case fits; that a
// handler drops a message for one of its reasons, and that it does not.
type Coverage struct {
	Handlers        int `json:"handlers"`
	HandlersReached int `json:"handlers_reached"`
	Branches        int `json:"branches"`
	BranchesReached int `json:"branches_reached"`
	// Missing are those that no test has reached, in the order of the file; of a
	// handler that is not reached no branches.
	Missing []Missing `json:"missing"`
}

// Missing is something that no test has reached.
type Missing struct {
	// At is where the handler is defined, file:line.
	At      string `json:"at"`
	Handler string `json:"handler"`
	// Branch says which way no message has taken; "" where none has come to the
	// handler.
	Branch string `json:"branch,omitempty"`
}

// coverage counts calls by place.
type coverage struct{ places map[config.Pos]*reached }

// reached is a handler, and the ways on from it with how often each was taken.
type reached struct {
	handler string
	calls   int
	blocks  []branch // by their index
	others  []branch
}

type branch struct {
	name  string
	taken int
}

func newCoverage(pipelines map[string]*pipeline.Pipeline) *coverage {
	c := &coverage{places: make(map[config.Pos]*reached)}
	for _, p := range pipelines {
		for _, step := range p.Chain().Steps() {
			if c.places[step.Pos] == nil {
				c.places[step.Pos] = &reached{handler: step.Type}
			}
			c.places[step.Pos].add(step)
		}
	}
	return c
}

// The names of branches that have none of their own.
const (
	noCase = "no case fits"
	passes = "passes"
)

func dropBranch(reason string) string { return "drops: " + reason }

// add adds the branches of a handler: what is defined in one place need not have
// the same ones in every use.
func (r *reached) add(step handler.Step) {
	for i, b := range step.Blocks {
		if i == len(r.blocks) {
			r.blocks = append(r.blocks, branch{name: b.Label})
		}
	}
	var names []string
	if len(step.Blocks) > 0 && step.Optional {
		names = append(names, noCase)
	}
	for _, reason := range step.Drops {
		names = append(names, dropBranch(reason))
	}
	if len(step.Drops) > 0 {
		names = append(names, passes)
	}
	for _, name := range names {
		if !slices.ContainsFunc(r.others, func(b branch) bool { return b.name == name }) {
			r.others = append(r.others, branch{name: name})
		}
	}
}

// saw notes one call of a handler.
func (c *coverage) saw(step handler.Step, result handler.Result) {
	r := c.places[step.Pos]
	r.calls++
	switch block := result.Block(); {
	case block != nil:
		r.blocks[slices.Index(step.Blocks, block)].taken++
	case result.Reason() != "":
		r.took(dropBranch(result.Reason()))
	case len(result.Messages()) > 0:
		r.took(noCase)
		r.took(passes)
	}
}

// took counts a branch of that name, if there is one.
func (r *reached) took(name string) {
	for i := range r.others {
		if r.others[i].name == name {
			r.others[i].taken++
		}
	}
}

// report sums up.
func (c *coverage) report() *Coverage {
	sum := &Coverage{Missing: []Missing{}}
	places := slices.SortedFunc(maps.Keys(c.places), func(a, b config.Pos) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	for _, at := range places {
		r := c.places[at]
		missing := Missing{At: fmt.Sprintf("%s:%d", at.File, at.Line), Handler: r.handler}
		sum.Handlers++
		branches := slices.Concat(r.blocks, r.others)
		sum.Branches += len(branches)
		if r.calls == 0 {
			sum.Missing = append(sum.Missing, missing)
			continue
		}
		sum.HandlersReached++
		for _, b := range branches {
			if b.taken > 0 {
				sum.BranchesReached++
				continue
			}
			missing.Branch = b.name
			sum.Missing = append(sum.Missing, missing)
		}
	}
	return sum
}
