package ctrd

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// grantedSize bounds the memory that configs and secrets of a container take.
const grantedSize = "16m"

// grantedMounts show configs and secrets in the container, each under its own
// name, never to be written to.
func (e *Engine) grantedMounts(id string, s *spec.Service) []specs.Mount {
	var out []specs.Mount
	for i, f := range s.Files {
		out = append(out, specs.Mount{
			Type: "bind", Source: e.grantedPath(id, i), Destination: f.Target, Options: []string{"rbind", "rprivate", "ro", "nosuid", "nodev"},
		})
	}
	return out
}

func (e *Engine) grantedPath(id string, i int) string {
	return filepath.Join(e.Dirs.Granted(id), strconv.Itoa(i))
}

// grant writes the files that are not there yet: at the creation, and after a
// reboot. They lie in memory alone, where none but root comes to them.
func (e *Engine) grant(id string, s *spec.Service, user specs.User) error {
	if len(s.Files) == 0 {
		return nil
	}
	if err := inMemory(e.Dirs.Granted(id), "mode=0700,size="+grantedSize); err != nil {
		return fmt.Errorf("configs and secrets: %w", err)
	}
	for i, f := range s.Files {
		if err := grantFile(e.grantedPath(id, i), f, user); err != nil {
			return fmt.Errorf("%s %s: %w", f.Kind, f.Source, err)
		}
	}
	return nil
}

// inMemory makes a folder whose content no disk ever sees.
func inMemory(dir, options string) error {
	if err := statedir.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if isMount(dir) {
		return nil
	}
	return unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, options)
}

func isMount(dir string) bool {
	var here, above unix.Stat_t
	return unix.Lstat(dir, &here) == nil && unix.Lstat(filepath.Dir(dir), &above) == nil && here.Dev != above.Dev
}

func grantFile(path string, f spec.File, user specs.User) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	data, err := contentOf(f)
	if err != nil {
		return err
	}
	aside := path + ".new"
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	w, err := os.OpenFile(aside, os.O_CREATE|os.O_EXCL|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	err = errors.Join(err, w.Chown(ownerOf(f.UID, user.UID), ownerOf(f.GID, user.GID)), w.Chmod(os.FileMode(f.Mode&0o777)), w.Close())
	if err != nil {
		return err
	}
	return os.Rename(aside, path)
}

func ownerOf(asked int, runs uint32) int {
	if asked >= 0 {
		return asked
	}
	return int(runs)
}

// forgotten marks the configs and secrets that came from a variable and that a
// reboot has taken away, and says whether there are any: only a command that
// knows the variable can make such a container again.
func (e *Engine) forgotten(id string, s *spec.Service) (some bool) {
	for i, f := range s.Files {
		if f.From == "" {
			continue
		}
		if _, err := os.Lstat(e.grantedPath(id, i)); errors.Is(err, os.ErrNotExist) {
			if !some {
				s.Files = slices.Clone(s.Files)
			}
			s.Files[i].Digest, some = "forgotten", true
		}
	}
	return some
}

// contentOf reads the content from where the file says it is. What came from a
// variable only the command that read the stack file knows.
func contentOf(f spec.File) ([]byte, error) {
	data := []byte(f.Text)
	switch {
	case f.Path != "":
		var err error
		if data, err = os.ReadFile(f.Path); err != nil {
			return nil, err
		}
	case f.From != "":
		data = []byte(f.Value)
	}
	sum := sha256.Sum256(data)
	if f.Digest == "sha256:"+hex.EncodeToString(sum[:]) {
		return data, nil
	}
	if f.From != "" {
		return nil, fmt.Errorf("it is the value of the variable %s, which is not kept anywhere: run stackup up", f.From)
	}
	return nil, errors.New("its content has changed since: run stackup up")
}

// revoke takes the files away, and the memory with them.
func (e *Engine) revoke(id string) error {
	dir := e.Dirs.Granted(id)
	if err := unmountAll(dir); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_ = os.Remove(filepath.Dir(dir)) // refused by the kernel unless empty
	return nil
}
