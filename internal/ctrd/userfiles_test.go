package ctrd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
	"golang.org/x/sys/unix"
)

// Intent: a file of users that is a FIFO, in whichever layer and behind whichever link, is
// refused and never opened; a plain one, one that is deleted, and none are fine.
func TestCheckUserFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("FIFOs behind links are seen in a mount, which needs root")
	}
	plain := func(path string) error { return os.WriteFile(path, []byte("root:x:0:0::/:/bin/sh\n"), 0o600) }
	fifo := func(path string) error { return unix.Mkfifo(path, 0o600) }
	link := func(to string) func(string) error { return func(path string) error { return os.Symlink(to, path) } }
	whiteout := func(path string) error { return unix.Mknod(path, unix.S_IFCHR, 0) }
	for name, tt := range map[string]struct {
		upper, lower map[string]func(string) error // by path
		want         string
	}{
		"none":                  {},
		"plain":                 {lower: map[string]func(string) error{"etc/passwd": plain, "etc/group": plain}},
		"plain above a FIFO":    {upper: map[string]func(string) error{"etc/passwd": plain}, lower: map[string]func(string) error{"etc/passwd": fifo}},
		"a FIFO that is gone":   {upper: map[string]func(string) error{"etc/group": whiteout}, lower: map[string]func(string) error{"etc/group": fifo}},
		"a FIFO":                {lower: map[string]func(string) error{"etc/passwd": fifo}, want: "/etc/passwd"},
		"a FIFO above plain":    {upper: map[string]func(string) error{"etc/group": fifo}, lower: map[string]func(string) error{"etc/group": plain}, want: "/etc/group"},
		"a link to plain":       {upper: map[string]func(string) error{"etc/passwd": link("/users")}, lower: map[string]func(string) error{"users": plain}},
		"a link to a FIFO":      {upper: map[string]func(string) error{"etc/passwd": link("/users")}, lower: map[string]func(string) error{"users": fifo}, want: "/etc/passwd"},
		"a link to the machine": {lower: map[string]func(string) error{"etc/passwd": link("../../../../../../dev/zero")}},
		"a folder that links":   {upper: map[string]func(string) error{"etc": link("other")}, lower: map[string]func(string) error{"other/group": fifo}, want: "/etc/group"},
		"a device":              {lower: map[string]func(string) error{"etc/passwd": func(path string) error { return unix.Mknod(path, unix.S_IFCHR, 1<<8|5) }}, want: "/etc/passwd"},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			for layer, files := range map[string]map[string]func(string) error{"upper": tt.upper, "lower": tt.lower, "work": nil} {
				fatal(t, os.MkdirAll(filepath.Join(top, layer), 0o755))
				for path, place := range files {
					path = filepath.Join(top, layer, path)
					fatal(t, os.MkdirAll(filepath.Dir(path), 0o755))
					fatal(t, place(path))
				}
			}
			err := checkUserFiles(t.Context(), []mount.Mount{{Type: "overlay", Source: "overlay", Options: []string{
				"workdir=" + filepath.Join(top, "work"), "upperdir=" + filepath.Join(top, "upper"), "lowerdir=" + filepath.Join(top, "lower"),
			}}})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
