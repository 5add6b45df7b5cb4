package expr_test

import "testing"

func benchmarkTemplate(b *testing.B, src string) {
	tmpl, err := env().Template(src)
	if err != nil {
		b.Fatal(err)
	}
	v := values()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tmpl.Eval(v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPath is one hole that takes the way past CEL.
func BenchmarkPath(b *testing.B) { benchmarkTemplate(b, "{actor.name}") }

// BenchmarkCEL is one hole that CEL evaluates, with the same result.
func BenchmarkCEL(b *testing.B) { benchmarkTemplate(b, "{dyn(actor).name}") }

// BenchmarkText is text with one hole.
func BenchmarkText(b *testing.B) { benchmarkTemplate(b, "{actor.name} started following you.") }

func BenchmarkCondition(b *testing.B) {
	c, err := env().Condition("actor.id != data.text")
	if err != nil {
		b.Fatal(err)
	}
	v := values()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Eval(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTopic(b *testing.B) {
	topic, err := env().Topic("notifications.user.{actor.id}")
	if err != nil {
		b.Fatal(err)
	}
	v := values()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := topic.Eval(v); err != nil {
			b.Fatal(err)
		}
	}
}
