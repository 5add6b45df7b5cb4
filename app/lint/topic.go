package lint

import (
	"slices"
	"strings"

	"github.com/trieungochai/kafka-notify/handlers/expr"
	"github.com/trieungochai/kafka-notify/handlers/handler"
)

// topics reports routes into topics in which no notification belongs.
func (l *linter) topics() {
	for _, s := range l.pipelines {
		for _, r := range s.chain.Routes() {
			switch at := s.step(r.Step); {
			case r.Topic == nil:
			case r.Topic.MeetsPrefix(eventTopics):
				l.intoEvents(s, at, r.Topic)
			case r.Topic.MeetsPrefix("notifications.retry."):
				l.error(at.Faultf("%s can be a retry topic, whose records pipelines take for messages of their own", quoted(r.Topic)).
					WithHint("%s", "notifications.retry.… is kept for them: choose another topic"))
			case r.Topic.MeetsName(l.cfg.Poison.Topic), r.Topic.MeetsName(l.cfg.Poison.ActionsTopic()):
				l.error(at.Faultf("%s can be the topic %s, or that of what is done about poisoned messages", quoted(r.Topic), l.cfg.Poison.Topic).
					WithHint("%s", "choose another topic"))
			}
		}
	}
}

const eventTopics = "events."

// intoEvents reports a route into the topic of events. Its record would be no
// event there; that pipelines feed each other that way, for ever, is the worst.
func (l *linter) intoEvents(s subject, at *handler.Step, topic *expr.Topic) {
	const hint = "a service that reads the notifications can submit events over HTTP"
	fault := at.Faultf("%s can be the topic of an event type: a notification is no event, so whoever reads it would poison it", quoted(topic))
	for _, name := range l.fedBy(topic) {
		if way := l.way(name, s.name, nil); way != nil {
			fault = at.Faultf("a loop between pipelines: %s", strings.Join(append([]string{s.name}, way...), " → "))
			break
		}
	}
	l.error(fault.WithHint("%s", hint))
}

// fedBy are the pipelines that subscribe to what a topic can be.
func (l *linter) fedBy(topic *expr.Topic) []string {
	var fed []string
	for source, readers := range l.readers() {
		if topic.MeetsName(source) {
			fed = append(fed, readers...)
		}
	}
	slices.Sort(fed)
	return slices.Compact(fed)
}

// way is how messages get from one pipeline to another, both included; nil if
// they don't.
func (l *linter) way(from, to string, been []string) []string {
	if from == to {
		return []string{to}
	}
	i := slices.IndexFunc(l.pipelines, func(s subject) bool { return s.name == from })
	if i < 0 || slices.Contains(been, from) {
		return nil
	}
	for _, r := range l.pipelines[i].chain.Routes() {
		if r.Topic == nil {
			continue
		}
		for _, next := range l.fedBy(r.Topic) {
			if way := l.way(next, to, append(been, from)); way != nil {
				return append([]string{from}, way...)
			}
		}
	}
	return nil
}

// collisions reports routes that are written differently and can be the same
// topic: somebody would get the notifications of somebody else.
func (l *linter) collisions() {
	type route struct {
		topic *expr.Topic
		at    *handler.Step
	}
	var all []route
	for _, s := range l.pipelines {
		for _, r := range s.chain.Routes() {
			if r.Topic == nil || r.Topic.MeetsPrefix(eventTopics) {
				continue
			}
			at := s.step(r.Step)
			for _, other := range all {
				if !r.Topic.SameShape(other.topic) && r.Topic.Meets(other.topic) {
					f := at.Faultf("%s can be the same topic as %s: notifications of one would reach the readers of the other", quoted(r.Topic), quoted(other.topic))
					l.error(f.WithHint("%s", "change the text around the holes").WithNote(other.at.Node, "%s is here", quoted(other.topic)))
				}
			}
			all = append(all, route{r.Topic, at})
		}
	}
}

// unread reports event types whose events wait for nobody.
func (l *linter) unread() {
	readers := l.readers()
	for _, name := range sorted(l.cfg.Events) {
		if len(readers[eventTopics+name]) == 0 {
			l.warn(l.cfg.Events[name].Node.KeyFaultf("no pipeline reads %s%s: its events are accepted, and nothing comes of them", eventTopics, name).
				WithHint("subscribe a pipeline to it, or remove the event type"))
		}
	}
}

func quoted(t *expr.Topic) string { return `"` + t.Source() + `"` }
