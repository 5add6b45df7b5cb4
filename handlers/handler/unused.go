package handler

import (
	"maps"
	"slices"

	"github.com/trieungochai/kafka-notify/config"
)

// sampleFile is the file of arguments that nobody has written. No fault in it is anybody's.
const sampleFile = "sample"

// samples are arguments that fit nearly everywhere, by the type of the parameter.
var samples = map[config.ParameterType]string{
	config.ParamTemplate:  `"{event.id}"`,
	config.ParamCondition: `"true"`,
	config.ParamString:    `sample`,
	config.ParamInteger:   `1`,
	config.ParamNumber:    `1`,
	config.ParamBoolean:   `true`,
	config.ParamDuration:  `1m`,
	config.ParamName:      `sample`,
	config.ParamValue:     `{}`,
	config.ParamHandlers:  `[]`,
}

// CheckUnused returns what is wrong with a declared handler type that nothing uses: it is built with
// samples for what it takes. Names that its users may declare before it are taken for known.
func (r *Registry) CheckUnused(name string, d Deps) config.Faults {
	t, ok := r.types[name]
	if !ok || t.declared == nil {
		return nil
	}
	c := r.build(d)
	c.incomplete, c.unnamed = true, true
	f := &frame{of: t.declared, args: make(map[string]*argument)}
	for _, p := range t.declared.parameters() {
		node := p.spec.Default
		if node.IsZero() {
			node = sample(p, d)
		}
		// What is wrong with a default was found when the type was declared.
		f.args[p.name], _ = c.argument(p, node, nil)
	}
	c.run(t.declared.as.Handlers, f)
	return slices.DeleteFunc(c.faults, func(f Fault) bool { return f.Pos.File == sampleFile })
}

func sample(p parameter, d Deps) Node {
	text := samples[p.spec.Type]
	switch {
	case len(p.spec.OneOf) > 0:
		text = p.spec.OneOf[0]
	case p.spec.Type == config.ParamLookup && len(d.Lookups) > 0:
		text = slices.Sorted(maps.Keys(d.Lookups))[0]
	}
	node, _ := config.Parse(sampleFile, []byte(text), nil)
	return node
}
