package ctrd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/containers"
	contfs "github.com/containerd/continuity/fs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/selinux/go-selinux"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// mounts makes what the service's mounts need on the host, and gives them in
// OCI form, with the managed files of /etc first so that a service's own
// mount over one of them wins.
func (e *Engine) mounts(ctx context.Context, c executor.ContainerSpec) ([]specs.Mount, error) {
	out := e.managedFiles(c)
	if c.Service.Init {
		if e.InitBin == "" {
			return nil, errors.New("init: the program stackup-init is missing beside stackup")
		}
		out = append(out, specs.Mount{Type: "bind", Source: e.InitBin, Destination: initPath, Options: []string{"bind", "ro"}})
	}
	var own []specs.Mount
	for _, m := range c.Service.Mounts {
		o, err := e.mount(ctx, c, m)
		if err != nil {
			return nil, fmt.Errorf("mount %s: %w", m.Target, err)
		}
		own = append(own, o)
	}
	own, err := e.lentMounts(ctx, c, own)
	return slices.Concat(out, own, e.grantedMounts(c.ID, &c.Service)), err
}

func (e *Engine) managedFiles(c executor.ContainerSpec) []specs.Mount {
	var out []specs.Mount
	for _, name := range etcFiles {
		out = append(out, specs.Mount{
			Type: "bind", Source: filepath.Join(e.Dirs.Container(c.ID), name), Destination: "/etc/" + name,
			Options: []string{"bind", "rprivate", "rw"},
		})
	}
	return out
}

func (e *Engine) mount(ctx context.Context, c executor.ContainerSpec, m spec.Mount) (specs.Mount, error) {
	switch m.Type {
	case spec.MountTmpfs:
		return tmpfsMount(m), nil
	case spec.MountBind:
		return bindMount(m)
	case spec.MountVolume:
		return e.volumeMount(ctx, c, m)
	case spec.MountImage:
		return e.imageMount(ctx, c, m)
	}
	return specs.Mount{}, fmt.Errorf("unknown mount type %q", m.Type)
}

func tmpfsMount(m spec.Mount) specs.Mount {
	mode := m.Mode
	if mode == 0 {
		mode = 0o1777
	}
	opts := []string{"nosuid", "nodev", "noexec", "mode=" + strconv.FormatUint(uint64(mode), 8)}
	if m.Size > 0 {
		opts = append(opts, "size="+strconv.FormatInt(m.Size, 10))
	}
	if m.ReadOnly {
		opts = append(opts, "ro")
	}
	return specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: m.Target, Options: append(opts, m.Options...)}
}

func bindMount(m spec.Mount) (specs.Mount, error) {
	if _, err := os.Stat(m.Source); errors.Is(err, os.ErrNotExist) {
		if !m.CreateHostPath {
			return specs.Mount{}, fmt.Errorf("the folder %s does not exist on this machine", m.Source)
		}
		if err := os.MkdirAll(m.Source, 0o755); err != nil {
			return specs.Mount{}, err
		}
	}
	if m.SELinux != "" && selinux.GetEnabled() {
		if err := label(m.Source); err != nil {
			return specs.Mount{}, fmt.Errorf("bind.selinux: %w", err)
		}
	}
	return bound(m.Source, m), nil
}

func (e *Engine) volumeMount(ctx context.Context, c executor.ContainerSpec, m spec.Mount) (specs.Mount, error) {
	name, err := volumeName(c, m)
	if err != nil {
		return specs.Mount{}, err
	}
	if m.Source == "" {
		err = e.volumes.Create(planner.Volume{Name: name, Stack: c.Stack, Anonymous: true, Labels: m.Labels})
	} else {
		err = e.volumes.Use(ctx, name, c.ID)
	}
	if err != nil {
		return specs.Mount{}, err
	}
	source, err := subfolder(e.volumes.Data(name), m.Subpath)
	return bound(source, m), err
}

// subfolder is a folder in a volume; links in the volume do not lead out of it.
func subfolder(volume, path string) (string, error) {
	if path == "" {
		return volume, nil
	}
	source, err := contfs.RootPath(volume, path)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(source); err != nil {
		return "", fmt.Errorf("the volume has no %s (volume.subpath)", path)
	}
	return source, nil
}

// volumeName is the machine's name of a volume that a service mounts.
func volumeName(c executor.ContainerSpec, m spec.Mount) (string, error) {
	if m.Source == "" {
		return anonymousName(c, m), nil
	}
	for _, v := range c.Volumes {
		if v.Key == m.Source {
			return v.Name, nil
		}
	}
	return "", fmt.Errorf("volume %q is not in the plan", m.Source)
}

func bound(source string, m spec.Mount) specs.Mount {
	below, mode := "rbind", "rw"
	if m.Recursive == "disabled" {
		below = "bind"
	}
	if m.ReadOnly {
		mode = "ro"
	}
	if m.ReadOnly && m.Recursive == "readonly" {
		mode = "rro"
	}
	return specs.Mount{Type: "bind", Source: source, Destination: m.Target, Options: []string{below, firstOf(m.Propagation, "rprivate"), mode}}
}

// anonymousName is the same for every incarnation of a replica, so that an
// anonymous volume outlives recreation, until they are made anew. A one-off
// container has its own.
func anonymousName(c executor.ContainerSpec, m spec.Mount) string {
	service, index, renewed := c.Ref.Name, c.Ref.Index, c.Renewed
	if index == planner.OneOff {
		service = c.ID
	}
	if c.Prepares > 0 { // what the replica has
		service, index = c.Ref.Name, c.Prepares
	}
	if m.Of != "" { // volumes_from: of the other's first replica
		service, index, renewed = m.Of, 1, c.RenewedOf[m.Of]
	}
	text := fmt.Appendf(nil, "%s\x00%s\x00%d\x00%s", c.Stack, service, index, m.Target)
	if renewed > 0 {
		text = fmt.Appendf(text, "\x00%d", renewed)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// CreateVolume makes a named volume, or gives one that is there its labels.
func (e *Engine) CreateVolume(_ context.Context, stack string, v spec.Volume) error {
	return e.volumes.Create(planner.Volume{Key: v.Key, Name: v.Name, Stack: stack, Made: v.Local, Labels: v.Labels})
}

// RemoveVolume deletes a volume with its data. One that a container mounts, of
// whichever stack, stays, and is an error.
func (e *Engine) RemoveVolume(ctx context.Context, _, name string) error {
	users, err := e.volumeUsers(ctx, []planner.Volume{{Name: name}}, func(r containers.Container) string {
		return firstOf(r.Labels[labels.Name], r.ID)
	})
	if err != nil {
		return err
	}
	if u := users[name]; len(u) > 0 {
		return fmt.Errorf("volume %s is in use by container %s", name, strings.Join(u, ", "))
	}
	return e.volumes.Remove(ctx, name)
}
