package hosts

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func entry(addr string, names ...string) Entry {
	return Entry{Address: netip.MustParseAddr(addr), Names: names}
}

const head = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

func TestRender(t *testing.T) {
	tests := []struct {
		name        string
		own, others []Entry
		want        string
	}{
		{"alone", []Entry{entry("10.0.0.2", "web-1", "shop-web-1")}, nil, head + "10.0.0.2\tweb-1 shop-web-1\n"},
		{
			"hostname comes first on the own line, and the network's line of that is left out",
			[]Entry{entry("10.0.0.9", "zeta", "alpha", "zeta")},
			[]Entry{entry("10.0.0.9", "alpha"), entry("10.0.0.2", "db")},
			head + "10.0.0.9\tzeta alpha\n10.0.0.2\tdb\n",
		},
		{
			"replicas are several lines, by address and not by text",
			[]Entry{entry("10.0.0.3", "a")},
			[]Entry{entry("10.0.0.10", "web"), entry("10.0.0.9", "web", "www")},
			head + "10.0.0.3\ta\n10.0.0.9\tweb www\n10.0.0.10\tweb\n",
		},
		{
			"two networks",
			[]Entry{entry("10.0.0.3", "a"), entry("10.0.1.3", "a")},
			[]Entry{entry("10.0.1.4", "b"), entry("10.0.0.4", "b"), entry("10.0.0.4", "c")},
			head + "10.0.0.3\ta\n10.0.1.3\ta\n10.0.0.4\tb c\n10.0.1.4\tb\n",
		},
		{"no names, no line", []Entry{entry("10.0.0.3", "")}, []Entry{entry("10.0.0.4")}, head},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(Render(tt.own, Lines(tt.others)))); diff != "" {
				t.Error(diff)
			}
			slices.Reverse(tt.others)
			if diff := cmp.Diff(tt.want, string(Render(tt.own, Lines(tt.others)))); diff != "" {
				t.Errorf("order matters: %s", diff)
			}
		})
	}
}

func TestRenderSortsAcrossNetworks(t *testing.T) {
	front, back := Lines([]Entry{entry("10.0.1.4", "b")}), Lines([]Entry{entry("10.0.0.4", "c"), entry("10.0.2.4", "d")})
	want := head + "10.0.0.3\ta\n10.0.0.4\tc\n10.0.1.4\tb\n10.0.2.4\td\n"
	if diff := cmp.Diff(want, string(Render([]Entry{entry("10.0.0.3", "a")}, front, back))); diff != "" {
		t.Error(diff)
	}
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi.Sys().(*syscall.Stat_t).Ino
}

func TestWriteKeepsTheInode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c1", "hosts")
	var first uint64
	for i, content := range []string{"one\ntwo\nthree\n", "one\n", "one\nfour and more\n"} {
		if err := Write(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(content, string(got)); diff != "" {
			t.Error(diff)
		}
		if i == 0 {
			first = inode(t, path)
		} else if inode(t, path) != first {
			t.Error("the file was replaced: a container that has it mounted would not see the change")
		}
	}
}

func TestWriteLeavesEqualContentAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if err := Write(path, []byte("x\n")); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(path)
	if err := Write(path, []byte("x\n")); err != nil {
		t.Fatal(err)
	}
	after, _ := os.Stat(path)
	if !before.ModTime().Equal(after.ModTime()) {
		t.Error("file written although its content was the same")
	}
}

func TestWriteFollowsNoSymlink(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("safe"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "hosts")
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, []byte("x\n")); err == nil {
		t.Error("wrote through a symlink")
	}
	got, _ := os.ReadFile(victim)
	if diff := cmp.Diff("safe", string(got)); diff != "" {
		t.Error(diff)
	}
}
