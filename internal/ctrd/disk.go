package ctrd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"

	"stackup.dev/stackup/executor"
)

// A container whose service bounds what it may write has a disk of its own, a
// file with a file system in it, which takes the place of the upper folder of its
// snapshot. Project quotas would spare it that, but few machines have them on. The
// disk is mounted in passing: the container's root keeps it in use, and with that
// goes the loop device.

const (
	diskFormat = "ext4"
	diskImage  = "disk.img"
	loopNodes  = "/dev/loop-control"
)

// formatter is the program that makes file systems.
func formatter() (string, error) {
	name := "mkfs." + diskFormat
	for _, at := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} { // not in every user's PATH
		if path, err := exec.LookPath(at); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing on this machine (package e2fsprogs)", name)
}

// lacksForDisk is what this machine has not that a bound on a container's layer needs.
func (e *Engine) lacksForDisk() error {
	if e.Snapshotter != overlayfs {
		return errors.New("it needs overlayfs, which the engine does not have here")
	}
	if _, err := os.Stat(loopNodes); err != nil {
		return errors.New("this machine has no loop devices (" + loopNodes + ")")
	}
	_, err := formatter()
	return err
}

// makeDisk makes the disk of a container whose snapshot is new; nothing of an
// earlier one stays. A run that is killed leaves none that is half made.
func (e *Engine) makeDisk(ctx context.Context, c executor.ContainerSpec) error {
	if c.Service.DiskSize == 0 {
		return nil
	}
	program, err := formatter()
	if err != nil {
		return err
	}
	dir := e.Dirs.Disk(c.ID)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return err
	}
	image := filepath.Join(dir, diskImage)
	half := image + ".half"
	if err := sparse(half, c.Service.DiskSize); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, program, "-q", "-F", "-m", "0", half).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, bytes.TrimSpace(out))
	}
	return os.Rename(half, image)
}

// sparse makes a file that takes space as it is written to, and no sooner.
func sparse(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Close())
}

// diskTries are more than one, as a loop device may go while it is being mounted.
const diskTries = 5

// mountDisk mounts a container's disk in passing. What has still a loop device,
// as whatever held it has not ended yet, is mounted by that: two file systems on
// one disk would destroy it.
func (e *Engine) mountDisk(id string) (err error) {
	image, at := filepath.Join(e.Dirs.Disk(id), diskImage), e.diskPath(id)
	if err := os.MkdirAll(at, 0o700); err != nil {
		return err
	}
	for range diskTries {
		m := mount.Mount{Type: diskFormat, Source: image, Options: []string{"loop"}}
		if device := loopOf(image); device != "" {
			m.Source, m.Options = device, nil
		}
		if err = m.Mount(at); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("storage_opt: %w", err)
	}
	return layOut(at)
}

func (e *Engine) diskPath(id string) string { return filepath.Join(e.passing(id), "disk") }

// layOut makes the folders that an overlay writes to, once. One becomes the root
// folder, whatever this process may make; the other says that both are there.
func layOut(disk string) error {
	upper, work := filepath.Join(disk, upperFolder), filepath.Join(disk, workFolder)
	if _, err := os.Stat(work); err == nil {
		return nil
	}
	if err := errors.Join(os.MkdirAll(upper, 0o755), os.Chmod(upper, 0o755)); err != nil { //nolint:gosec // as in every container
		return err
	}
	return os.Mkdir(work, 0o700)
}

const (
	upperFolder = "fs"
	workFolder  = "work"
)

// loopOf finds the loop device of a file, if it has one (loop(4); sysfs).
func loopOf(image string) (device string) {
	files, _ := filepath.Glob("/sys/block/loop*/loop/backing_file") // the pattern is good
	for _, f := range files {
		if name, err := os.ReadFile(f); err == nil && string(bytes.TrimSuffix(name, []byte("\n"))) == image {
			return filepath.Join("/dev", filepath.Base(filepath.Dir(filepath.Dir(f))))
		}
	}
	return ""
}

// rootfs is what a container's root is mounted from. Its disk, if it has one, is
// mounted in passing meanwhile.
func (e *Engine) rootfs(ctx context.Context, rec containers.Container, s *stored) ([]mount.Mount, error) {
	layers, err := e.client.SnapshotService(rec.Snapshotter).Mounts(ctx, rec.SnapshotKey)
	if err == nil && len(s.Service.Security.Labels) > 0 {
		layers, err = labelRoot(layers, rec)
	}
	if err != nil || s.Service.DiskSize == 0 {
		return layers, err
	}
	return onDisk(layers, e.diskPath(rec.ID))
}

// onDisk has what is written go to a disk. Of an image without layers there is
// nothing below.
func onDisk(layers []mount.Mount, disk string) ([]mount.Mount, error) {
	out := slices.Clone(layers)
	upper, work := filepath.Join(disk, upperFolder), filepath.Join(disk, workFolder)
	for i, m := range out {
		switch m.Type {
		case "bind":
			out[i].Source = upper
		case "overlay":
			out[i].Options = slices.Clone(m.Options)
			for j, o := range m.Options {
				switch name, _, _ := strings.Cut(o, "="); name {
				case "upperdir":
					out[i].Options[j] = "upperdir=" + upper
				case "workdir":
					out[i].Options[j] = "workdir=" + work
				}
			}
		default:
			return nil, fmt.Errorf("storage_opt: a root of type %s cannot be bounded", m.Type)
		}
	}
	return out, nil
}
