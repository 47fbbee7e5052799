package ctrd

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// TestLacksOfKernel: a file system that no kernel has is missed by those who mount
// it, and what every kernel has by nobody.
func TestLacksOfKernel(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the kernel answers root alone")
	}
	s := &spec.Stack{
		Volumes: []spec.Volume{
			{Key: "far", Local: spec.LocalMount{Type: "no-such"}},
			{Key: "memory", Local: spec.LocalMount{Type: "tmpfs"}},
			{Key: "folder", Local: spec.LocalMount{Type: "none"}},
			{Key: "process", Local: spec.LocalMount{Type: "fuse3.sshfs"}},
			{Key: "own"},
		},
		Networks: []spec.Network{{Key: "default"}},
	}
	for _, v := range s.Volumes {
		s.Services = append(s.Services, spec.Service{
			Name: "with-" + v.Key, Mounts: []spec.Mount{{Type: spec.MountVolume, Source: v.Key}},
			Networks: []spec.Attachment{{Network: "default"}},
		})
	}
	want := []planner.Lack{{Service: "with-far", What: "volumes.far: this machine's kernel knows no file system no-such"}}
	if diff := cmp.Diff(want, lacksOfKernel(s)); diff != "" {
		t.Error(diff)
	}
}
