package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trieungochai/kafka-notify/config"
)

func TestColonsInsidePlainScalarsOfFlowCollections(t *testing.T) {
	for text, want := range map[string]any{
		`{brokers: [kafka-1:9092, 127.0.0.1:19092], x: {y: a:b:c}}`: map[string]any{
			"brokers": []any{"kafka-1:9092", "127.0.0.1:19092"}, "x": map[string]any{"y": "a:b:c"},
		},
		`{brokers: [a: 1, "b":2]}`:       map[string]any{"brokers": []any{map[string]any{"a": int64(1)}, map[string]any{"b": int64(2)}}},
		`{1: {name: Emma}, 2: {a: x:y}}`: map[string]any{"1": map[string]any{"name": "Emma"}, "2": map[string]any{"a": "x:y"}},
	} {
		n, faults := config.Parse("f.yaml", []byte(text), nil)
		if len(faults) > 0 {
			t.Errorf("%s: %v", text, faults)
			continue
		}
		got, faults := n.Value()
		if diff := cmp.Diff(want, got); diff != "" || len(faults) > 0 {
			t.Errorf("%s: %v %s", text, faults, diff)
		}
	}
}
