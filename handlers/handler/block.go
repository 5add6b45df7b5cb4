package handler

import (
	"maps"
	"slices"

	"github.com/trieungochai/kafka-notify/config"
	"github.com/trieungochai/kafka-notify/handlers/expr"
)

// Block is a list of handlers that stands inside of a handler, such as those of a case. A field of
// type *Block in a handler's configuration is built from the list; Enter takes a message there. It
// is nil where the key is left out.
type Block struct {
	// Label says when a message takes the block, for those who look at the pipeline. It is the
	// handler's to set.
	Label string

	first, end int // Of its handlers among all of the chain; equal when there are none.
}

// Steps are the indexes of the block's first handler among those of the chain, and of the one after
// its last, those in blocks of blocks included.
func (b *Block) Steps() (first, end int) { return b.first, b.end }

// maxSteps bounds the handlers of a pipeline: few declared types that use each other could be
// millions of them.
const maxSteps = 1000

// building is what is known about a chain while its handlers are built one after the other.
type building struct {
	registry *Registry
	deps     Deps
	chain    *Chain
	faults   config.Faults
	routes   []Route
	lookups  map[string]bool
	places   map[string]config.Pos // where names are declared

	scope
	// incomplete says that an earlier handler could not be built, unnamed that its names are unknown.
	incomplete, unnamed bool
	full                bool // There are too many handlers; that has been reported.
}

// scope is what handlers have left for those that follow.
type scope struct {
	env      *expr.Env
	composed bool
}

// run builds handlers, those of a pipeline or of a body, behind those that are there.
func (c *building) run(steps []config.Step, in *frame) {
	for _, s := range steps {
		t, ok := c.registry.types[s.Type.Value]
		switch {
		case c.full:
			return
		case !ok:
			f := s.Type.Node.Faultf("unknown handler type %q", s.Type.Value)
			c.fail(in, f.WithHint("%s", config.Suggest(s.Type.Value, c.registry.Names())))
		case t.declared != nil:
			c.expand(t.declared, s, in)
		default:
			c.add(t, s, in)
		}
	}
}

// fail notes faults of a handler of which nothing more is known.
func (c *building) fail(in *frame, faults ...Fault) {
	c.faults = append(c.faults, in.note(faults)...)
	c.incomplete, c.unnamed = true, true
}

// add builds one handler, and the blocks inside of it behind it.
func (c *building) add(t registered, s config.Step, in *frame) {
	at := len(c.chain.steps)
	if at == maxSteps {
		c.full = true
		c.fail(in, s.Type.Node.Faultf("the pipeline has more than %d handlers, those that its handler types are made of included", maxSteps))
		return
	}
	c.chain.steps = append(c.chain.steps, Step{Index: at, Type: s.Type.Value, Pos: s.Type.Node.Pos(), Node: s.Type.Node, Uses: in.uses()})
	c.chain.after = append(c.chain.after, 0)
	b := &Build{Deps: c.deps, step: s, chain: c, frame: in}
	b.Step = at
	h := t.build(b)
	c.faults = append(c.faults, in.note(b.faults)...)
	c.incomplete = c.incomplete || len(b.faults) > 0 || b.unsure
	c.chain.steps[at].Handler = h
	c.chain.steps[at].Blocks, c.chain.steps[at].Optional = b.blocks, b.optional
	c.chain.steps[at].Drops = b.drops
	c.chain.steps[at].Lookups = slices.Sorted(maps.Keys(b.asked))
	c.chain.after[at] = len(c.chain.steps)
}

// block builds the handlers of a list as a block. Each block of a handler begins with what was known
// before the handler.
func (b *Build) block(n Node, in *frame) (*Block, config.Faults) {
	steps, faults := decoded[[]config.Step](n)
	if len(faults) > 0 {
		return nil, faults
	}
	c, before := b.chain, b.chain.scope
	block := &Block{first: len(c.chain.steps)}
	c.run(steps.([]config.Step), in)
	block.end = len(c.chain.steps)
	b.blocks, b.ends = append(b.blocks, block), append(b.ends, c.scope)
	c.scope = before
	return block, nil
}

// Optional says that a message may pass the handler without entering any of its blocks.
func (b *Build) Optional() {
	b.optional = true
	b.ends = append(b.ends, b.chain.scope)
}

// join makes known behind the handler what is known at the end of each way through it.
func (b *Build) join() {
	if len(b.blocks) == 0 {
		return
	}
	joined := b.ends[0]
	for _, end := range b.ends[1:] {
		joined.composed = joined.composed && end.composed
		missing := slices.DeleteFunc(joined.env.Names(), func(name string) bool { return slices.Contains(end.env.Names(), name) })
		joined.env = joined.env.Without(missing...)
	}
	b.chain.scope = joined
}

// lay tells the handlers from first to end where a message goes that passes them: to the next one,
// and from the last one to after. In after, so far, stand the ends of their blocks.
func (c *Chain) lay(first, end, after int) {
	for i := first; i < end; {
		next := c.after[i]
		if next == end {
			c.after[i] = after
		}
		for _, b := range c.steps[i].Blocks {
			c.lay(b.first, b.end, c.after[i])
		}
		i = next
	}
}
