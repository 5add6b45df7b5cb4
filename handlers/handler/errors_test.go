package handler_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/trieungochai/kafka-notify/handlers/handler"
)

func TestErrorMarks(t *testing.T) {
	base := errors.New("base")
	tests := map[string]struct {
		err                    error
		permanent, unavailable bool
		class                  handler.Class
	}{
		"plain":       {err: base, class: handler.ClassOther},
		"permanent":   {err: handler.Permanent(base), permanent: true, class: handler.ClassOther},
		"unavailable": {err: handler.Unavailable(base), unavailable: true, class: handler.ClassOther},
		"wrapped":     {err: fmt.Errorf("step: %w", handler.Permanent(handler.Classify(handler.ClassSchema, base))), permanent: true, class: handler.ClassSchema},
		"outermost":   {err: handler.Classify(handler.ClassPublish, handler.Classify(handler.ClassDecode, base)), class: handler.ClassPublish},
		"expression":  {err: handler.ExpressionError(base), permanent: true, class: handler.ClassExpression},
		"deadline":    {err: fmt.Errorf("get: %w", context.DeadlineExceeded), class: handler.ClassTimeout},
		"classified deadline": {
			err:   handler.Classify(handler.ClassLookupUnavailable, context.DeadlineExceeded),
			class: handler.ClassLookupUnavailable,
		},
		"step": {err: &handler.StepError{Step: handler.Step{Type: "x"}, Err: handler.Permanent(base)}, permanent: true, class: handler.ClassOther},
	}
	for name, tt := range tests {
		if got := handler.IsPermanent(tt.err); got != tt.permanent {
			t.Errorf("%s: IsPermanent = %t", name, got)
		}
		if got := handler.IsUnavailable(tt.err); got != tt.unavailable {
			t.Errorf("%s: IsUnavailable = %t", name, got)
		}
		if got := handler.ClassOf(tt.err); got != tt.class {
			t.Errorf("%s: ClassOf = %s, want %s", name, got, tt.class)
		}
		if !errors.Is(tt.err, base) && !errors.Is(tt.err, context.DeadlineExceeded) {
			t.Errorf("%s: the cause is lost", name)
		}
	}
	for _, err := range []error{handler.Permanent(nil), handler.Unavailable(nil), handler.Classify(handler.ClassOther, nil), handler.ExpressionError(nil)} {
		if err != nil {
			t.Errorf("nil became %v", err)
		}
	}
}
