package event_test

import (
	"errors"
	"testing"

	"github.com/trieungochai/kafka-notify/app/event"
)

// The pointer of a fault names the place, however deep and long the text is.
func TestSyntaxErrorsPointAtTheirPlace(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":"follow","data":{"followee_id":"1","n":{"m":{"k":[{"z":1,"z":2}]}},"more":"xxxxxxxxxxxxxxxxxxxxxx"}}`:                            "/data/n/m/k/0/z",
		`{"type":"order","data":{"customer":{"id":"1","address":{"street":"x","zip":01234}},"note":"aaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}`:              "/data/customer/address",
		`{"type":"follow","data":{"follower_id":"2","followee_id":"1","x":[[[[[[[nope]]]]]]]}}`:                                                   "/data/x/0/0/0/0/0/0/0",
		`{"type":"follow","data":{"follower_id":"2","followee_id":"1","a/b":{"c":[1,2,{"d":[true,tru]}]}},"pad":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}`: "/data/a~1b/c/2/d/1",
	} {
		var fault *event.SyntaxError
		if err := event.CheckJSON([]byte(text)); !errors.As(err, &fault) || fault.Pointer != want {
			t.Errorf("%s: got %v, want the pointer %s", text, err, want)
			if fault != nil {
				t.Logf("pointer %s", fault.Pointer)
			}
		}
	}
}
