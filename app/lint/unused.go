package lint

import (
	"regexp"
	"slices"

	"github.com/trieungochai/kafka-notify/config"
)

// unusedLookups reports lookups that no handler asks. The one called users is
// asked for names by the form of POST /send as well.
func (l *linter) unusedLookups() {
	var asked []string
	for _, s := range l.pipelines {
		asked = append(asked, s.chain.Lookups()...)
	}
	for _, name := range sorted(l.cfg.Lookups) {
		if name != "users" && !slices.Contains(asked, name) {
			l.warn(l.cfg.Lookups[name].Node.KeyFaultf("nothing asks the lookup %s", name).WithHint("remove it, or ask it with an enrich"))
		}
	}
}

// unusedTypes reports declared handler types of which no pipeline is made.
func (l *linter) unusedTypes() {
	var used []string
	for _, s := range l.pipelines {
		for _, step := range s.chain.Steps() {
			for _, use := range step.Uses {
				used = append(used, use.Type)
			}
		}
	}
	for _, name := range sorted(l.cfg.HandlerTypes) {
		if !slices.Contains(used, name) && len(l.cfg.HandlerTypes[name].Handlers) > 0 {
			l.warn(l.cfg.HandlerTypes[name].Node.KeyFaultf("no pipeline uses the handler type %s", name).WithHint("remove it, or use it as a handler: - %s: {…}", name))
		}
	}
}

var parameterUse = regexp.MustCompile(`\bparams\s*\.\s*(\w+)`)

// unusedParameters reports parameters of declared handler types that say
// nothing.
func (l *linter) unusedParameters() {
	for _, name := range sorted(l.cfg.HandlerTypes) {
		t := l.cfg.HandlerTypes[name]
		used := make(map[string]bool)
		for _, step := range t.Handlers {
			parameters(step.Body, used)
		}
		for _, parameter := range t.ParameterNames() {
			if !used[parameter] {
				at := t.Node.Get("parameters").Get(parameter)
				l.warn(at.KeyFaultf("%s does nothing with its parameter %s", name, parameter).WithHint("write params.%s where it belongs, or remove it", parameter))
			}
		}
	}
}

// parameters finds the parameters that the texts in a value name.
func parameters(n config.Node, used map[string]bool) {
	for _, m := range parameterUse.FindAllStringSubmatch(n.Text(), -1) {
		used[m[1]] = true
	}
	for _, e := range n.Entries() {
		parameters(e.Value, used)
	}
	for _, item := range n.Items() {
		parameters(item, used)
	}
}
