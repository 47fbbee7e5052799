package ctrd

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestPartOf(t *testing.T) {
	for source, want := range map[string]string{
		"/v/shop_data/_data/a/b": "shop_data: a/b", "/v/shop_data/_data": "", "/v2/x/_data/a": "", "/etc": "",
	} {
		got := ""
		if name, part, is := partOf("/v", source); is {
			got = name + ": " + part
		}
		if got != want {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
		s, err := typeurl.MarshalAny(&specs.Spec{Mounts: []specs.Mount{{Destination: "/x", Source: source}}})
		if err != nil {
			t.Fatal(err)
		}
		sources, err := sourcesBelow(containers.Container{Spec: s}, "/v")
		if may := anyPart(sources); err != nil || may != (want != "") {
			t.Errorf("%s: may be a part: %v, %v", source, may, err)
		}
	}
}

// TestFoldersAreHeld: no link is followed, and what took a folder's place later is
// told from it.
func TestFoldersAreHeld(t *testing.T) {
	dir := t.TempDir()
	err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "a/b"), 0o755), os.Mkdir(filepath.Join(dir, "other"), 0o755),
		os.Symlink("/etc", filepath.Join(dir, "out")), os.Symlink("a", filepath.Join(dir, "in")),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"out", "in/b", "../x", "none"} {
		if f, err := openBelow(dir, name); err == nil {
			_ = f.Close()
			t.Errorf("%s was opened", name)
		}
	}
	f, err := openBelow(dir, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	held := folders{{"/a/b", f}}
	defer held.close()
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if err := held[0].isIn(root); err != nil {
		t.Error(err)
	}
	if err := errors.Join(os.Rename(filepath.Join(dir, "a/b"), filepath.Join(dir, "a/c")), os.Symlink("../other", filepath.Join(dir, "a/b"))); err != nil {
		t.Fatal(err)
	}
	if err := held[0].isIn(root); err == nil {
		t.Error("what took its place was taken for it")
	}
}
