package main

import (
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestSpecIsComparable: what costs time in every peer's container is in ours.
func TestSpecIsComparable(t *testing.T) {
	f := &floor{options: options{namespace: "n", shim: group}, dir: "/d"}
	s, err := f.spec(namespaces.WithNamespace(t.Context(), "n"), 3, &containers.Container{ID: f.id(3)})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Process.Capabilities.Bounding); n != 14 {
		t.Errorf("%d capabilities, Docker has 14", n)
	}
	if s.Linux.Seccomp == nil || len(s.Linux.Seccomp.Syscalls) == 0 {
		t.Error("no seccomp profile")
	}
	if len(s.Linux.MaskedPaths) == 0 || s.Root.Readonly {
		t.Errorf("masked %v, read-only %t", s.Linux.MaskedPaths, s.Root.Readonly)
	}
	var network string
	for _, n := range s.Linux.Namespaces {
		if n.Type == specs.NetworkNamespace {
			network = n.Path
		}
	}
	if network != "/d/floor-3.netns" {
		t.Errorf("network namespace %q", network)
	}
	if diff := cmp.Diff(map[string]string{groupAnnotation: "n"}, s.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestShimModes(t *testing.T) {
	for _, s := range []string{"each", "group", "one", "join"} {
		var m shimMode
		if err := m.Set(s); err != nil || m.String() != s {
			t.Errorf("%s: %q, %v", s, m, err)
		}
	}
	var m shimMode
	if m.Set("two") == nil {
		t.Error("an unknown mode is taken")
	}
}

func TestIsShimOfThisEngine(t *testing.T) {
	line := "/x/containerd-shim-runc-v2 -namespace n -id a -address /s"
	for args, want := range map[string]bool{
		line:                                   true,
		strings.Replace(line, "/s", "/t", 1):   false,
		strings.Replace(line, " n ", " o ", 1): false,
		"/bin/sleep n /s":                      false,
	} {
		if got := isShim(strings.Fields(args), "/s", "n"); got != want {
			t.Errorf("%s: %t", args, got)
		}
	}
}
