package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// CheckOwner returns an error if somebody else owns the root or the state folder, or may
// write to it: who does could have this process write and delete wherever he likes. A
// folder that is not there yet is none of theirs.
func (d Dirs) CheckOwner() error {
	return errors.Join(checkOwner("root", d.Root), checkOwner("state", d.State))
}

func checkOwner(what, path string) error {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the %s folder %s: %w", what, path, err)
	}
	switch me := os.Geteuid(); {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("the %s folder %s is no folder", what, path)
	case int(st.Uid) != me:
		return fmt.Errorf("the %s folder %s belongs to user %d: choose another one by --%s, or chown it to user %d", what, path, st.Uid, what, me)
	case st.Mode&0o022 != 0:
		return fmt.Errorf("others may write to the %s folder %s (mode %#o): choose another one by --%s, or chmod go-w it", what, path, st.Mode&0o7777, what)
	}
	return nil
}
