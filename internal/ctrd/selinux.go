package ctrd

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
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

// labelRoot gives all files of a container's root the label that its OCI spec has
// for its mounts: the runtime mounts all others, but not the root. A folder that is
// bound has the labels that its files have.
func labelRoot(layers []mount.Mount, rec containers.Container) ([]mount.Mount, error) {
	o, err := specOf(rec)
	if err != nil {
		return nil, err
	}
	if o.Linux == nil || o.Linux.MountLabel == "" {
		return layers, nil
	}
	out := slices.Clone(layers)
	for i, m := range out {
		if m.Type != "bind" {
			out[i].Options = append(slices.Clone(m.Options), fmt.Sprintf("context=%q", o.Linux.MountLabel)) // mount(8)
		}
	}
	return out, nil
}
