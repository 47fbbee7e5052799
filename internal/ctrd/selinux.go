package ctrd

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// sharedLabel lets every container read and write a file. Containers have no
// label of their own here, so that z and Z come to the same.
const sharedLabel = "system_u:object_r:container_file_t:s0"

// unlabelled are the folders that the machine itself lives in.
func unlabelled() []string {
	return []string{"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var", "/var/lib"}
}

// label gives all files of a folder, or one, the label that containers share.
func label(path string) error { return labelWith(path, "security.selinux", sharedLabel) }

func labelWith(path, attr, value string) error {
	if slices.Contains(unlabelled(), filepath.Clean(path)) {
		return fmt.Errorf("%s is not labelled anew: the machine itself needs it as it is", path)
	}
	return filepath.WalkDir(path, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch err := unix.Lsetxattr(p, attr, []byte(value), 0); err {
		case nil, unix.ENOTSUP, unix.ENOENT: // it has no labels, or has just gone
			return nil
		default:
			return fmt.Errorf("label %s: %w", p, err)
		}
	})
}
