package tree

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestMirror(t *testing.T) {
	for name, tt := range map[string]struct {
		here, there []string
		targets     map[string]string // by target, below here
		want        string
	}{
		"a file, and folders above":     {[]string{"f=f"}, nil, map[string]string{"/a/b/f": "f"}, "a/ a/b/ a/b/f=f"},
		"over a file":                   {[]string{"f=new"}, []string{"f=old"}, map[string]string{"/f": "f"}, "f=new"},
		"over a link":                   {[]string{"f=new"}, []string{"g=g", "f->g"}, map[string]string{"/f": "f"}, "f=new g=g"},
		"over a full folder":            {[]string{"f=new"}, []string{"f/x/y=y"}, map[string]string{"/f": "f"}, "f=new"},
		"over an empty folder":          {[]string{"f=new"}, []string{"f/"}, map[string]string{"/f": "f"}, "f=new"},
		"a folder by itself":            {[]string{"d/f=f"}, nil, map[string]string{"/d": "d"}, "d/"},
		"a folder over a file":          {[]string{"d/f=f"}, []string{"d=file"}, map[string]string{"/d": "d", "/d/f": "d/f"}, "d/ d/f=f"},
		"a folder over a link":          {[]string{"d/f=f"}, []string{"real/", "d->/real"}, map[string]string{"/d": "d", "/d/f": "d/f"}, "d/ d/f=f real/"},
		"a link":                        {[]string{"l->/etc/x"}, []string{"l=file"}, map[string]string{"/l": "l"}, "l->/etc/x"},
		"what is gone, with all in it":  {nil, []string{"d/e/f=f", "d/l->/", "k=k"}, map[string]string{"/d": "d", "/none/f": "none/f", "/k/below": "k/below"}, "k=k"},
		"links lead where they do here": {[]string{"f=f"}, []string{"real/", "way->/real"}, map[string]string{"/way/f": "f"}, "real/ real/f=f way->/real"},
	} {
		t.Run(name, func(t *testing.T) {
			here, there := plant(t, tt.here...), plant(t, tt.there...)
			targets := map[string]string{}
			for to, from := range tt.targets {
				targets[to] = filepath.Join(here, from)
			}
			for _, lazy := range []bool{false, true} { // twice: what is there already is right, too
				notes, err := root(t, there).Mirror(targets, Mirroring{UID: os.Getuid(), GID: os.Getgid(), Lazy: lazy})
				must(t, err)
				if got := strings.Join(grown(t, there), " "); got != tt.want || len(notes) > 0 {
					t.Errorf("lazy %t: got  %s\nwant %s (%v)", lazy, got, tt.want, notes)
				}
			}
		})
	}
}

func TestMirrorAttributes(t *testing.T) {
	here, there := plant(t, "d/f=f"), t.TempDir()
	f := filepath.Join(here, "d/f")
	must(t, os.Chmod(f, 0o751))
	must(t, os.Chmod(filepath.Join(here, "d"), 0o750))
	must(t, unix.Utimes(f, []unix.Timeval{{Sec: 1e9}, {Sec: 1e9}}))
	must(t, unix.Mkfifo(filepath.Join(here, "p"), 0o600))
	uid := os.Getuid()
	if uid == 0 {
		uid = 1000
	}
	notes, err := root(t, there).Mirror(map[string]string{
		"/d": filepath.Join(here, "d"), "/d/f": f, "/p": filepath.Join(here, "p"),
	}, Mirroring{UID: uid, GID: os.Getgid()})
	must(t, err)
	if len(notes) != 1 || !strings.Contains(notes[0], "left out") {
		t.Errorf("of a FIFO: %v", notes)
	}
	for name, want := range map[string]string{"d": fmt.Sprint(uid, " 750"), "d/f": fmt.Sprint(uid, " 751")} {
		var st unix.Stat_t
		must(t, unix.Lstat(filepath.Join(there, name), &st))
		if got := fmt.Sprintf("%d %o", st.Uid, st.Mode&0o7777); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(there, "d/f"), &st))
	if st.Mtim.Sec != 1e9 {
		t.Errorf("time %d", st.Mtim.Sec)
	}
}

// TestMirrorLeadsNowhereElse: whatever links the tree has, nothing outside is
// written or removed.
func TestMirrorLeadsNowhereElse(t *testing.T) {
	out := plant(t, "secret=machine", "d/x=x")
	there := plant(t, "up->../../../../../../.."+out, "abs->"+out, "file->"+out+"/secret", ".f.stackup~->"+out+"/secret")
	here := plant(t, "f=f")
	targets := map[string]string{}
	for _, to := range []string{"/up/secret", "/abs/secret", "/abs/d/x", "/file", "/../../.." + out + "/secret", "/up/d", "/f"} {
		targets[to] = filepath.Join(here, "f")
		targets[to+".gone"] = filepath.Join(here, "none")
	}
	_, _ = root(t, there).Mirror(targets, Mirroring{UID: os.Getuid(), GID: os.Getgid()}) // that some fail is no must
	if diff := cmp.Diff([]string{"d/", "d/x=x", "secret=machine"}, grown(t, out)); diff != "" {
		t.Errorf("outside (-want +got):\n%s", diff)
	}
}

// TestMirrorRandom: whatever is done to a tree, the mirror of all its paths is it.
func TestMirrorRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	here, there := t.TempDir(), t.TempDir()
	r := root(t, there)
	known := map[string]string{}
	for range 400 {
		parts := []string{"a", "b", "c"}
		name := filepath.Join(parts[rnd.IntN(3)], parts[rnd.IntN(3)], parts[rnd.IntN(3)])[:1+2*rnd.IntN(3)]
		p := filepath.Join(here, name)
		switch rnd.IntN(5) {
		case 0:
			_ = os.RemoveAll(p) // a file may be above it
		case 1:
			_ = os.MkdirAll(p, 0o755)
		case 2:
			_ = os.Symlink("b", p)
		case 3:
			_ = os.WriteFile(p, []byte(fmt.Sprint(rnd.Int())), 0o600)
		case 4:
			_ = os.Rename(p, filepath.Join(here, parts[rnd.IntN(3)]))
		}
		for _, g := range grown(t, here) {
			g, _, _ = strings.Cut(g, "->")
			g, _, _ = strings.Cut(g, "=")
			g = strings.TrimSuffix(g, "/")
			known["/"+g] = filepath.Join(here, g)
		}
		_, err := r.Mirror(known, Mirroring{UID: os.Getuid(), GID: os.Getgid()})
		if err == nil {
			if diff := cmp.Diff(grown(t, here), grown(t, there)); diff != "" {
				t.Fatalf("-here +there:\n%s", diff)
			}
		}
	}
}
