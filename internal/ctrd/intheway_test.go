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
