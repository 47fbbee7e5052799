package logs

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/statedir"
)

// A collector that is killed between any two of its actions leaves things so
// that its successor stores every line once.
func TestRecoverStoresEachLineOnce(t *testing.T) {
	raw := []byte("one\ntwo\nthree\n")
	tests := []struct {
		name  string
		crash func(t *testing.T, d *drain, k *kit)
	}{
		{"before anything", func(*testing.T, *drain, *kit) {}},
		{"after the note", func(_ *testing.T, d *drain, _ *kit) {
			d.note.begin(mark{d.w.cur.inode, d.w.cur.size, d.w.cur.size + 100})
		}},
		{"in the middle of the write", func(t *testing.T, d *drain, k *kit) {
			d.w.add(d.stream, raw, k.out, false, d.note.begin)
			if err := d.w.cur.Truncate(d.w.cur.size - 25); err != nil {
				t.Fatal(err)
			}
		}},
		{"after the write", func(_ *testing.T, d *drain, k *kit) {
			d.w.add(d.stream, raw, k.out, false, d.note.begin)
		}},
		{"after the write, other stream wrote too", func(t *testing.T, d *drain, k *kit) {
			d.w.add(d.stream, raw, k.out, false, d.note.begin)
			put(t, d.w, "")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dirs, err := statedir.New(filepath.Join(t.TempDir(), "r"), filepath.Join(t.TempDir(), "s"))
			if err != nil {
				t.Fatal(err)
			}
			stdout, _, hold, err := Prepare(dirs, "c", Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = hold.Close() }()
			logDir := filepath.Join(dirs.Logs(), "c")
			open := func() *drain {
				d, err := openDrain(stdout, Stdout, NewWriter(logDir, Config{}), newKits(1))
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			d := open()
			put(t, d.w, "zero\n")
			if _, err := d.fifo.Write(raw); err != nil {
				t.Fatal(err)
			}
			k, err := newKit()
			if err != nil {
				t.Fatal(err)
			}
			defer k.close()
			tt.crash(t, d, k)
			_ = d.w.Close()
			d.close()

			d = open()
			if err := d.recover(); err != nil {
				t.Fatal(err)
			}
			if _, _, err := d.store(k, false); err != nil {
				t.Fatal(err)
			}
			_ = d.w.Close()
			d.close()
			want := []string{"stdout zero", "stdout one", "stdout two", "stdout three"}
			if diff := cmp.Diff(want, contents(t, logDir)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPrepareRefusesBadIDs(t *testing.T) {
	dirs := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	for _, id := range []string{"", ".", "..", "../x", "a/b", ".hidden"} {
		if _, _, _, err := Prepare(dirs, id, Config{}); err == nil {
			t.Errorf("%q accepted", id)
		}
		if err := Remove(dirs, id); err == nil {
			t.Errorf("%q removed", id)
		}
	}
}

func TestPrepareMayBeRepeated(t *testing.T) {
	dirs := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	for i, c := range []Config{{}, {}, {MaxSize: 1 << 20, MaxFiles: 1}} {
		out, _, hold, err := Prepare(dirs, "c", c)
		if err != nil {
			t.Fatal(err)
		}
		f, err := readIOFile(filepath.Dir(out))
		want := ioFile{1, filepath.Join(dirs.Logs(), "c"), c.normal().MaxSize, c.normal().MaxFiles, c.Compress, false}
		if diff := cmp.Diff(want, f); err != nil || diff != "" {
			t.Errorf("io.json after call %d: %v\n%s", i, err, diff)
		}
		if err := hold.Close(); err != nil {
			t.Error(fmt.Errorf("close: %w", err))
		}
	}
	for range 2 {
		if err := Remove(dirs, "c"); err != nil {
			t.Error(err)
		}
	}
}
