package tree

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// plant makes "name=text", "name/", and "name->target" below a new folder.
func plant(t *testing.T, what ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, w := range what {
		link, target, isLink := strings.Cut(w, "->")
		name, text, isFile := strings.Cut(w, "=")
		if isLink {
			name = link
		}
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		switch {
		case isLink:
			must(t, os.Symlink(target, filepath.Join(dir, name)))
		case isFile:
			must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		default:
			must(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
		}
	}
	return dir
}

// grown lists what is below a folder, as plant takes it.
func grown(t *testing.T, dir string) (out []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, p)
		switch {
		case err != nil:
			return err
		case name == ".":
		case d.IsDir():
			out = append(out, name+"/")
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(p)
			must(t, err)
			out = append(out, name+"->"+to)
		case d.Type().IsRegular():
			b, err := os.ReadFile(p)
			must(t, err)
			out = append(out, name+"="+string(b))
		default:
			out = append(out, name+" "+d.Type().String())
		}
		return nil
	}))
	return out
}

func root(t *testing.T, dir string) *Root {
	t.Helper()
	r, err := Open(dir)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

func machine(t *testing.T) *Root {
	t.Helper()
	r, err := Machine()
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// TestWhereThingsGo: the rules of docker cp (its reference, "Extended description").
func TestWhereThingsGo(t *testing.T) {
	for name, tt := range map[string]struct {
		src, dst string
		there    []string
		want     string // what is there then, or "error: " with a part of it
	}{
		"file to a new name":                {"f", "/n", nil, "n=f"},
		"file into a folder":                {"f", "/d", []string{"d/"}, "d/ d/f=f"},
		"file into a folder with a slash":   {"f", "/d/", []string{"d/"}, "d/ d/f=f"},
		"file into a folder that is not":    {"f", "/d/", nil, "error: no such folder"},
		"file over a file":                  {"f", "/n", []string{"n=old"}, "n=f"},
		"file over a folder of its name":    {"f", "/d", []string{"d/f/"}, "error: a folder is not replaced by a file"},
		"file below nothing":                {"f", "/a/n", nil, "error: there is no folder /a"},
		"folder to a new name":              {"d", "/n", nil, "n/ n/in/ n/in/x=x n/l->in"},
		"folder into a folder":              {"d", "/o", []string{"o/"}, "o/ o/d/ o/d/in/ o/d/in/x=x o/d/l->in"},
		"folder with a slash into a folder": {"d/", "/o", []string{"o/"}, "o/ o/d/ o/d/in/ o/d/in/x=x o/d/l->in"},
		"content into a folder":             {"d/.", "/o", []string{"o/in/y=y"}, "o/ o/in/ o/in/x=x o/in/y=y o/l->in"},
		"content to a new name":             {"d/.", "/n", nil, "n/ n/in/ n/in/x=x n/l->in"},
		"folder to a file":                  {"d", "/n", []string{"n=old"}, "error: is a file"},
		"folder over a file of its name":    {"d", "/o", []string{"o/d=old"}, "error: a file is not replaced by a folder"},
		"link itself":                       {"k", "/n", nil, "n->f"},
		"link by its name with a slash":     {"d/l/", "/n", nil, "n/ n/x=x"},
		"through a link of the target":      {"f", "/k", []string{"o/", "k->/o"}, "k->/o o/ o/f=f"},
		"to what a link leads to":           {"f", "/k", []string{"o/n=old", "k->o/n"}, "k->o/n o/ o/n=f"},
		"nothing":                           {"none", "/n", nil, "error: none: no such file"},
		"file as a folder":                  {"f/", "/n", nil, "error: not a directory"},
		"the whole tree":                    {"/", "/n", nil, "n/ n/d/ n/d/in/ n/d/in/x=x n/d/l->in n/f=f n/k->f"},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := plant(t, "f=f", "k->f", "d/in/x=x", "d/l->in"), plant(t, tt.there...)
			got := ""
			if err := Copy(root(t, from), tt.src, root(t, to), tt.dst, Options{}); err != nil {
				got = "error: " + err.Error()
			} else {
				got = strings.Join(grown(t, to), " ")
			}
			if part, ok := strings.CutPrefix(tt.want, "error: "); ok && strings.HasPrefix(got, "error: ") && strings.Contains(got, part) {
				return
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestFollow(t *testing.T) {
	from, to := plant(t, "real/f=f", "link->/real", "chain->link"), t.TempDir()
	must(t, Copy(root(t, from), "/chain", root(t, to), "/n", Options{Follow: true}))
	if diff := cmp.Diff([]string{"n/", "n/f=f"}, grown(t, to)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestNoLinkLeadsOut: wherever a hostile tree's links point, what is read and
// what is written is inside.
func TestNoLinkLeadsOut(t *testing.T) {
	out := plant(t, "secret=machine")
	hostile := plant(t, "up->../../../../../../.."+out, "abs->"+out, "file->"+out+"/secret", "d/x->"+out)
	r := root(t, hostile)
	for _, src := range []string{"/up/secret", "/abs/secret", "/d/x/secret", "/../../.." + out + "/secret"} {
		if err := r.Pack(&bytes.Buffer{}, src, Options{Follow: true}); err == nil {
			t.Errorf("%s was read", src)
		}
	}
	if err := r.Pack(&bytes.Buffer{}, "/file", Options{Follow: true}); err == nil {
		t.Error("a link out was followed")
	}
	from := plant(t, "f=f")
	for _, dst := range []string{"/up/new", "/abs/new", "/d/x/new", "/file", "/../../.." + out + "/new"} {
		_ = Copy(root(t, from), "f", r, dst, Options{}) // that it fails is no must: the path may lead somewhere inside
	}
	must(t, r.Unpack(archive(t, "d/x/evil=x"), "/d", Options{}))
	if diff := cmp.Diff([]string{"secret=machine"}, grown(t, out)); diff != "" {
		t.Errorf("outside (-want +got):\n%s", diff)
	}
}

// archive packs what plant would make; names stay as they are.
func archive(t *testing.T, what ...string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range what {
		name, target, isLink := strings.Cut(e, "->")
		hard, of, isHard := strings.Cut(e, "=>")
		h := &tar.Header{Name: name, Mode: 0o644}
		text := ""
		switch {
		case isLink:
			h.Typeflag, h.Linkname = tar.TypeSymlink, target
		case isHard:
			h.Name, h.Typeflag, h.Linkname = hard, tar.TypeLink, of
		case strings.HasSuffix(e, "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		default:
			h.Name, text, _ = strings.Cut(e, "=")
			h.Typeflag, h.Size = tar.TypeReg, int64(len(text))
		}
		must(t, w.WriteHeader(h))
		_, err := w.Write([]byte(text))
		must(t, err)
	}
	must(t, w.Close())
	return &b
}

// TestHostileArchives: on this machine nothing is written beside the folder.
func TestHostileArchives(t *testing.T) {
	for _, what := range [][]string{
		{"../evil=x"},
		{"a/../../evil=x"},
		{"/../evil=x"},
		{"l->OUT", "l/evil=x"},
		{"l->..", "l/evil=x"},
		{"d/", "d/l->OUT", "d/l/sub/evil=x"},
		{"l->OUT/evil", "l=x"},
		{"l->OUT/secret", "h=>l", "h=evil"},
		{"l->OUT", "h=>l/secret", "h=evil"},
		{"h=>../secret", "h=evil"},
	} {
		dir := plant(t, "out/secret=machine", "into/")
		for i := range what {
			what[i] = strings.Replace(what[i], "OUT", filepath.Join(dir, "out"), 1)
		}
		err := machine(t).Unpack(archive(t, what...), filepath.Join(dir, "into"), Options{})
		must(t, os.RemoveAll(filepath.Join(dir, "into")))
		if diff := cmp.Diff([]string{"out/", "out/secret=machine"}, grown(t, dir)); diff != "" {
			t.Errorf("%v: %v (-want +got):\n%s", what, err, diff)
		}
	}
}

func TestArchives(t *testing.T) {
	from := plant(t, "d/x=x", "d/e/", "d/l->x", "f=f")
	must(t, os.Link(filepath.Join(from, "d/x"), filepath.Join(from, "d/y")))
	for src, want := range map[string][]string{"d": {"d/", "d/e/", "d/l->x", "d/x=x", "d/y=x"}, "d/.": {"e/", "l->x", "x=x", "y=x"}, "f": {"f=f"}} {
		var b bytes.Buffer
		must(t, root(t, from).Pack(&b, src, Options{}))
		to := plant(t, "into/")
		must(t, root(t, to).Unpack(&b, "into", Options{}))
		got := grown(t, filepath.Join(to, "into"))
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", src, diff)
		}
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write(archive(t, "a/b/c=packed").Bytes())
	must(t, err)
	must(t, w.Close())
	to := t.TempDir()
	must(t, root(t, to).Unpack(&z, "/", Options{}))
	if diff := cmp.Diff([]string{"a/", "a/b/", "a/b/c=packed"}, grown(t, to)); diff != "" {
		t.Errorf("gzip (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"no archive", ""} {
		if err := root(t, to).Unpack(strings.NewReader(bad), "/none", Options{}); err == nil || !strings.Contains(err.Error(), "no such folder") {
			t.Errorf("into nothing: %v", err)
		}
	}
	if err := root(t, to).Unpack(strings.NewReader("no archive, but long enough for a header"+strings.Repeat("x", 600)), "/", Options{}); err == nil {
		t.Error("no archive was unpacked")
	}
}

// TestAttributes: modes and times stay; owners only if that is asked for, and
// what a file may do by its owner with them. Devices are not made here.
func TestAttributes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("other owners need root")
	}
	from := plant(t, "d/f=f")
	f := filepath.Join(from, "d/f")
	must(t, os.Chown(f, 1000, 1001))
	must(t, os.Chmod(f, 0o755|fs.ModeSetuid))
	must(t, os.Chmod(filepath.Join(from, "d"), 0o500))
	must(t, unix.Utimes(f, []unix.Timeval{{Sec: 1e9}, {Sec: 1e9}}))
	must(t, unix.Mknod(filepath.Join(from, "dev"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	must(t, unix.Mkfifo(filepath.Join(from, "d/p"), 0o600))
	for keep, want := range map[bool]string{false: "0:0 755", true: "1000:1001 4755"} {
		to := t.TempDir()
		must(t, Copy(root(t, from), "d", machine(t), to+"/n", Options{Keep: keep}))
		var st unix.Stat_t
		must(t, unix.Stat(to+"/n/f", &st))
		if got := fmt.Sprintf("%d:%d %o", st.Uid, st.Gid, st.Mode&0o7777); got != want || st.Mtim.Sec != 1e9 {
			t.Errorf("keep %t: %s at %d, want %s", keep, got, st.Mtim.Sec, want)
		}
		if info, err := os.Stat(to + "/n"); err != nil || info.Mode().Perm() != 0o500 {
			t.Errorf("folder: %v, %v", info, err)
		}
		if info, err := os.Stat(to + "/n/p"); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
			t.Errorf("FIFO: %v, %v", info, err)
		}
	}
	if err := Copy(root(t, from), "dev", machine(t), t.TempDir(), Options{Keep: true}); err == nil || !strings.Contains(err.Error(), "it is a device") {
		t.Errorf("a device for this machine: %v", err)
	}
	if err := Copy(root(t, from), "dev", root(t, t.TempDir()), "/", Options{}); err != nil {
		t.Errorf("a device for a container: %v", err)
	}
}

// TestOverAMount: a file that something is mounted on is written in place.
func TestOverAMount(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounts need root")
	}
	from, to := plant(t, "f=new"), plant(t, "f=below", "on=old")
	must(t, unix.Mount(to+"/on", to+"/f", "", unix.MS_BIND, ""))
	defer func() { must(t, unix.Unmount(to+"/f", unix.MNT_DETACH)) }()
	must(t, Copy(root(t, from), "f", root(t, to), "/f", Options{}))
	if b, err := os.ReadFile(to + "/on"); err != nil || string(b) != "new" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestTheKernelsFiles: a mounted proc is an empty folder; one file of it is read.
func TestTheKernelsFiles(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounts need root")
	}
	from, to := plant(t, "proc/", "f=f"), t.TempDir()
	must(t, unix.Mount("proc", from+"/proc", "proc", 0, ""))
	defer func() { must(t, unix.Unmount(from+"/proc", unix.MNT_DETACH)) }()
	must(t, Copy(root(t, from), "/.", root(t, to), "/", Options{}))
	if diff := cmp.Diff([]string{"f=f", "proc/"}, grown(t, to)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	must(t, Copy(root(t, from), "/proc/version", root(t, to), "/v", Options{}))
	if b, err := os.ReadFile(to + "/v"); err != nil || !strings.Contains(string(b), "Linux") {
		t.Errorf("%q, %v", b, err)
	}
}
