package volume

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

var memory = planner.Volume{Key: "m", Name: "shop_m", Stack: "shop", Made: spec.LocalMount{Type: "tmpfs", Device: "tmpfs"}}

// newMounts mounts memory, or binds a folder, and counts. It needs root.
func newMounts(t *testing.T) (m Mounts, count *int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounts need root")
	}
	d := statedir.Dirs{Root: filepath.Join(t.TempDir(), "r o"), State: t.TempDir()}
	count = new(int)
	m = Mounts{Store: Store{Dir: d.Volumes()}, Dirs: d, Mount: func(_ context.Context, l spec.LocalMount, at string) error {
		*count++
		if l.Bind() {
			return unix.Mount(l.Device, at, "", unix.MS_BIND, "")
		}
		return unix.Mount(l.Device, at, l.Type, 0, "size=64k")
	}}
	t.Cleanup(func() { // whatever the test has left
		for _, v := range []string{memory.Name, data.Name} {
			must(t, takeOff(m.Data(v)))
		}
	})
	return m, count
}

func isOn(t *testing.T, m Mounts, name string, want bool) {
	t.Helper()
	if is, err := mounted(m.Data(name)); err != nil || is != want {
		t.Errorf("mounted: %t, %v; want %t", is, err, want)
	}
}

// TestMountedWhileUsed: the first user has it mounted, the last one takes it off.
func TestMountedWhileUsed(t *testing.T) {
	m, count := newMounts(t)
	ctx := t.Context()
	must(t, m.Create(memory))
	for _, user := range []string{"a", "b", "a"} {
		must(t, m.Use(ctx, memory.Name, user))
	}
	if *count != 1 {
		t.Errorf("mounted %d times", *count)
	}
	for _, user := range []string{"none", "a", "a"} {
		must(t, m.Release(ctx, user))
	}
	isOn(t, m, memory.Name, true)
	must(t, m.Release(ctx, "b"))
	isOn(t, m, memory.Name, false)
	if left, err := os.ReadDir(m.Dirs.VolumeUsers()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestMountedAnewAfterAReboot: the notes may still be there, the mount is not.
func TestMountedAnewAfterAReboot(t *testing.T) {
	m, count := newMounts(t)
	must(t, m.Create(memory))
	must(t, m.Use(t.Context(), memory.Name, "a"))
	must(t, takeOff(m.Data(memory.Name)))
	must(t, m.Use(t.Context(), memory.Name, "a"))
	isOn(t, m, memory.Name, true)
	if *count != 2 {
		t.Errorf("mounted %d times", *count)
	}
	must(t, m.Release(t.Context(), "a"))
}

// TestRemovalSparesWhatIsMounted: a device's own data is not the volume's.
func TestRemovalSparesWhatIsMounted(t *testing.T) {
	m, _ := newMounts(t)
	mine := t.TempDir()
	file := filepath.Join(mine, "mine")
	must(t, os.WriteFile(file, []byte("x"), 0o600))
	bind := data
	bind.Made = spec.LocalMount{Type: "none", Device: mine, Options: "bind"}
	must(t, m.Create(bind))
	must(t, m.Use(t.Context(), data.Name, "a"))
	must(t, unix.Mount(mine, m.Data(data.Name), "", unix.MS_BIND, "")) // twice, whoever did that
	must(t, m.Remove(t.Context(), data.Name))
	listed(t, m.Store)
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(m.Dirs.VolumeUsers()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestMountThatFails(t *testing.T) {
	m, _ := newMounts(t)
	m.Mount = func(context.Context, spec.LocalMount, string) error { return unix.ENODEV }
	nfs := data
	nfs.Made = spec.LocalMount{Type: "nfs", Device: ":/a", Options: "addr=192.0.2.1"}
	must(t, m.Create(nfs))
	err := m.Use(t.Context(), data.Name, "a")
	if !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "volume shop_data: mount :/a (nfs): ") {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(m.Dirs.VolumeUsers()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestUseFinishesACreation: killed between record and folder.
func TestUseFinishesACreation(t *testing.T) {
	d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	m := Mounts{Store: Store{Dir: d.Volumes()}, Dirs: d}
	must(t, m.Create(data))
	must(t, os.Remove(m.Data(data.Name)))
	must(t, m.Use(t.Context(), data.Name, "a"))
	if info, err := os.Stat(m.Data(data.Name)); err != nil || !info.IsDir() {
		t.Errorf("no data folder: %v", err)
	}
	if err := m.Use(t.Context(), "never-there", "a"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a volume that is not there: %v", err)
	}
}

// TestFillMounted: a mounted volume gets its first content whole, wherever the
// one before was killed, and never anything over what it holds.
func TestFillMounted(t *testing.T) {
	put := func(paths ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			for _, p := range paths {
				must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, p)), 0o700))
				must(t, os.WriteFile(filepath.Join(dir, p), []byte("old"), 0o600))
			}
		}
	}
	for name, tt := range map[string]struct {
		before func(*testing.T, string)
		want   string
	}{
		"empty":               {put(), "a=new b=new"},
		"a file system's own": {put("lost+found/x"), "a=new b=new"},
		"killed copying":      {put(filling + "/a"), "a=new b=new"},
		"killed moving":       {put(filled+"/b", "a"), "a=old b=old"},
		"in use":              {put("mine"), "mine=old"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			bind := data
			bind.Made = spec.LocalMount{Type: "none", Device: "/any", Options: "bind"}
			must(t, s.Create(bind))
			tt.before(t, s.Data(data.Name))
			must(t, s.Fill(data.Name, func(into string) error {
				must(t, os.Chmod(into, 0o711))
				return errors.Join(os.WriteFile(filepath.Join(into, "a"), []byte("new"), 0o600), os.WriteFile(filepath.Join(into, "b"), []byte("new"), 0o600))
			}))
			var got []string
			files, err := filepath.Glob(filepath.Join(s.Data(data.Name), "[a-k,m-z]*"))
			must(t, err)
			for _, f := range files {
				b, err := os.ReadFile(f)
				must(t, err)
				got = append(got, filepath.Base(f)+"="+string(b))
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("holds %s, want %s", text, tt.want)
			}
			if hidden, err := filepath.Glob(filepath.Join(s.Data(data.Name), ".*")); err != nil || len(hidden) > 0 {
				t.Errorf("left: %v", hidden)
			}
		})
	}
}
