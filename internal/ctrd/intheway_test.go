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
	closed, exists := errors.New("failed to create shim task: ttrpc: closed"), fmt.Errorf("task x: %w", errdefs.ErrAlreadyExists)
	blocked, gone := errors.New("mkdir /s/x: file exists"), errors.New("mkdir /s/engine/x/rootfs: no such file or directory")
	final := errors.New("OCI runtime create failed: exec: nope: executable file not found in $PATH")
	for name, tt := range map[string]struct {
		answers []error
		want    error
	}{
		"at once":                {[]error{nil}, nil},
		"three shims end":        {[]error{closed, closed, closed, nil}, nil},
		"all that is in the way": {[]error{exists, blocked, gone, closed, exists, nil}, nil},
		"a bad command":          {[]error{final}, final},
		"a shim, a bad command":  {[]error{closed, final}, final},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked, cleared := 0, 0
				err := untilMade(t.Context(), "x", func() error { asked++; return tt.answers[asked-1] },
					func(err error) error { cleared++; return nil })
				if !errors.Is(err, tt.want) || asked != len(tt.answers) || cleared != asked-1 {
					t.Errorf("%v after %d of %d answers, cleared %d times", err, asked, len(tt.answers), cleared)
				}
			})
		})
	}
}

// TestUntilMadeEnds: what stays in the way is said in the end.
func TestUntilMadeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked, why := errors.New("mkdir /s/x: file exists"), errors.New("it cannot be deleted")
		err := untilMade(t.Context(), "x", func() error { return blocked }, func(error) error { return why })
		if !errors.Is(err, blocked) || !errors.Is(err, why) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		asked := 0
		_ = untilMade(ctx, "x", func() error { asked++; return blocked }, func(error) error { return nil })
		if asked != 1 {
			t.Errorf("asked %d times by a command that was interrupted", asked)
		}
	})
}

func TestCleared(t *testing.T) {
	for text, want := range map[string]bool{
		"failed to create shim task: mkdir /s/engine/x/rootfs: no such file or directory":                                                                        true,
		"failed to rename /s/ns/x/.bootstrap.json1 to /s/ns/x/bootstrap.json: no such file or directory":                                                         true,
		"OCI runtime create failed: unable to retrieve OCI runtime error (open /s/ns/x/log.json: no such file or directory)":                                     true,
		"failed to create shim task: OCI runtime create failed: exec: \"x\": no such file or directory":                                                          false,
		"failed to create shim task: OCI runtime create failed: mounting /d to /s/ns/x/rootfs/d: no such file or directory":                                      false,
		"OCI runtime create failed: unable to retrieve OCI runtime error (open /s/ns/x/log.json: no such file or directory): fork/exec /runc: exec format error": false,
		"mkdir /x: no such file or directory": false,
		"failed to rename /s/ns/other/.bootstrap.json1 to /s/ns/other/bootstrap.json: no such file or directory": false,
	} {
		if got := cleared(errors.New(text), "x"); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	if cleared(nil, "x") {
		t.Error("nothing was cleared")
	}
}
