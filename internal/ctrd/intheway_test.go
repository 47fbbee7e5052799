package ctrd

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/containerd/errdefs"
)

func TestInTheWay(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"none", nil, false},
		{"a folder without a record", errors.New("failed to rename: rename a b: file exists: unknown"), true},
		{"a snapshot of that key", fmt.Errorf("snapshot x: file exists: %w", errdefs.ErrAlreadyExists), false},
		{"another", errors.New("no space left on device"), false},
	} {
		if got := inTheWay(tt.err); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

// TestUntilMade: what is only in the way for a while is waited for, however often it
// comes; what a user must hear of is said at once.
func TestUntilMade(t *testing.T) {
	passing, final := errors.New("ttrpc: closed"), errors.New("OCI runtime create failed")
	for name, answers := range map[string][]error{
		"at once":                  {nil},
		"the third time":           {passing, passing, nil},
		"a bad command":            {final},
		"a bad command after that": {passing, final},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked, room := 0, 0
				err := untilMade(t.Context(), func() (bool, error) {
					asked++
					return errors.Is(answers[asked-1], passing), answers[asked-1]
				}, func(error) error { room++; return nil })
				if want := answers[len(answers)-1]; !errors.Is(err, want) || asked != len(answers) || room != asked-1 {
					t.Errorf("%v after %d of %d answers, made room %d times", err, asked, len(answers), room)
				}
			})
		})
	}
}

// TestUntilMadeEnds: what stays in the way is said in the end.
func TestUntilMadeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked, why := errors.New("file exists"), errors.New("it cannot be deleted")
		err := untilMade(t.Context(), func() (bool, error) { return true, blocked }, func(error) error { return why })
		if !errors.Is(err, blocked) || !errors.Is(err, why) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		asked := 0
		_ = untilMade(ctx, func() (bool, error) { asked++; return true, blocked }, func(error) error { return nil })
		if asked != 1 {
			t.Errorf("asked %d times by a command that was interrupted", asked)
		}
	})
}
