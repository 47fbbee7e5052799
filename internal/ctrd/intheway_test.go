package ctrd

import (
	"errors"
	"fmt"
	"testing"

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
