package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stackup.dev/stackup/internal/statedir"
)

func TestCheckNamesWhatIsMissing(t *testing.T) {
	needRoot(t)
	tests := []struct {
		name   string
		change func(d *statedir.Dirs, libexec string) error
		want   string // part of the error, empty for none
	}{
		{"nothing", func(*statedir.Dirs, string) error { return nil }, ""},
		{"longest state path", func(d *statedir.Dirs, _ string) error {
			d.State = "/" + strings.Repeat("s", 39)
			return nil
		}, ""},
		{"state path too long", func(d *statedir.Dirs, _ string) error {
			d.State = "/" + strings.Repeat("s", 40)
			return nil
		}, "has 41 bytes, at most 40 fit"},
		{"no runc", func(_ *statedir.Dirs, libexec string) error {
			return os.Remove(filepath.Join(libexec, "runc"))
		}, "needs the program runc"},
		{"shim not executable", func(_ *statedir.Dirs, libexec string) error {
			return os.Chmod(filepath.Join(libexec, ShimProgram), 0o644)
		}, "needs the program containerd-shim-runc-v2"},
		{"CNI plugin is a folder", func(_ *statedir.Dirs, libexec string) error {
			p := filepath.Join(libexec, cniProgram)
			if err := os.Remove(p); err != nil {
				return err
			}
			return os.Mkdir(p, 0o755)
		}, "needs the program stackup-cni"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, libexec := newDirs(t), newLibexec(t)
			if err := tt.change(&d, libexec); err != nil {
				t.Fatal(err)
			}
			err := Check(d, libexec)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Check = %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("Check says more than a line: %q", err)
			}
		})
	}
}

func TestCheckNamespacesNamesTheMissingOne(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"mnt", "pid", "ipc", "uts"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := checkNamespaces(dir); err == nil || !strings.Contains(err.Error(), "with net namespaces") {
		t.Errorf("checkNamespaces = %v, want the net namespace named", err)
	}
}

func TestLibexecOf(t *testing.T) {
	tests := []struct {
		name, have, want string
	}{
		{"beside the program", "bin/libexec/stackup", "bin/libexec/stackup"},
		{"above a bin folder", "libexec/stackup", "libexec/stackup"},
		{"nowhere", "bin", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base := t.TempDir()
			if err := os.MkdirAll(filepath.Join(base, tt.have), 0o755); err != nil {
				t.Fatal(err)
			}
			got, err := libexecOf(filepath.Join(base, "bin", "stackup"))
			if tt.want == "" {
				if err == nil || !strings.Contains(err.Error(), "make build") {
					t.Errorf("libexecOf = %q, %v, want an error that helps", got, err)
				}
				return
			}
			if err != nil || got != filepath.Join(base, tt.want) {
				t.Errorf("libexecOf = %q, %v, want %s", got, err, tt.want)
			}
		})
	}
}
