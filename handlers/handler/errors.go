package handler

import (
	"context"
	"errors"
)

// Class says what kind of failure brought a message to the poison topic.
type Class string

// The classes of failures.
const (
	ClassDecode            Class = "decode"
	ClassSchema            Class = "schema"
	ClassLookupMissing     Class = "lookup_missing"
	ClassLookupUnavailable Class = "lookup_unavailable"
	ClassExpression        Class = "expression"
	ClassPublish           Class = "publish"
	ClassTimeout           Class = "timeout"
	ClassPanic             Class = "panic"
	ClassOther             Class = "other"
)

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent marks an error that will not heal: trying again is useless. nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// IsPermanent tells whether err, or an error that it wraps, is marked as permanent.
func IsPermanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}

type unavailableError struct{ error }

func (e unavailableError) Unwrap() error { return e.error }

// Unavailable marks an error as an outage of the store or the broker. It is no failure of the
// message: the pipeline waits and tries again, and counts no attempt. nil stays nil.
func Unavailable(err error) error {
	if err == nil {
		return nil
	}
	return unavailableError{err}
}

// IsUnavailable tells whether err, or an error that it wraps, is marked as an outage.
func IsUnavailable(err error) bool {
	var u unavailableError
	return errors.As(err, &u)
}

type classifiedError struct {
	error
	class Class
}

func (e classifiedError) Unwrap() error { return e.error }

// Classify names the class of an error. The outermost class counts. nil stays nil.
func Classify(class Class, err error) error {
	if err == nil {
		return nil
	}
	return classifiedError{err, class}
}

// ClassOf returns the class that err was given; without one, ClassTimeout for an exceeded deadline
// and ClassOther for the rest.
func ClassOf(err error) Class {
	var c classifiedError
	switch {
	case errors.As(err, &c):
		return c.class
	case errors.Is(err, context.DeadlineExceeded):
		return ClassTimeout
	default:
		return ClassOther
	}
}

// ExpressionError marks an error of a condition or a template: of class expression, and permanent,
// because the same event gives the same error again.
func ExpressionError(err error) error { return Classify(ClassExpression, Permanent(err)) }
