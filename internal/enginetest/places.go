package enginetest

import (
	"context"
	"fmt"
	"strings"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Pull makes an image present at digest.
func (f *Fake) Pull(ctx context.Context, ref, digest string, report func(done, total int64)) error {
	return f.act(ctx, "Pull", ref, func() error {
		i, ok := f.images[ref]
		if !ok || i.Err != "" {
			return fmt.Errorf("pull %s: not found: %s", ref, i.Err)
		}
		if digest != "" && i.Wanted != "" && digest != i.Wanted {
			return fmt.Errorf("pull %s: the registry now has %s where %s was planned", ref, i.Wanted, digest)
		}
		report(1, 2)
		report(2, 2)
		i.Local = digest
		f.images[ref] = i
		return nil
	})
}

// Load makes an image present that an archive has.
func (f *Fake) Load(ctx context.Context, ref, archive string) error {
	return f.act(ctx, "Load", ref, func() error {
		i, ok := f.images[ref]
		if !ok || i.Err != "" {
			return fmt.Errorf("%s has no image %s", archive, ref)
		}
		i.Local = i.Wanted
		f.images[ref] = i
		return nil
	})
}

// Build makes an image present whose digest says how often it was built.
func (f *Fake) Build(ctx context.Context, b executor.BuildSpec, line func(string)) error {
	return f.act(ctx, "Build", b.Ref, func() error {
		line("FROM scratch")
		f.built++
		digest := fmt.Sprintf("sha256:built-%d", f.built)
		for _, ref := range append([]string{b.Ref}, b.Build.Tags...) {
			f.images[ref] = planner.Image{Ref: ref, Local: digest, Wanted: digest}
		}
		return nil
	})
}

// RunToEnd leaves nothing. Commands whose last word is "sleep N" run until ctx ends;
// others that name no exit code end with 0.
func (f *Fake) RunToEnd(ctx context.Context, c executor.ContainerSpec) error {
	command := c.Service.Command
	err := f.act(ctx, "RunToEnd", c.ID, func() error {
		if code, ends := exitCode(command); ends && code != 0 {
			return fmt.Errorf("exited (%d)", code)
		}
		return nil
	})
	if err != nil || len(command) == 0 || !strings.HasPrefix(command[len(command)-1], "sleep ") {
		return err
	}
	f.change(func() { f.containers[c.ID] = &container{spec: c, task: planner.TaskRunning} })
	<-ctx.Done()
	f.change(func() { delete(f.containers, c.ID) })
	return ctx.Err()
}

// Push needs an image that is here.
func (f *Fake) Push(ctx context.Context, ref string) error {
	return f.act(ctx, "Push", ref, func() error {
		if f.images[ref].Local == "" {
			return fmt.Errorf("push %s: it is not here", ref)
		}
		return nil
	})
}

// CreateNetwork makes a network, or finds it made.
func (f *Fake) CreateNetwork(ctx context.Context, stack string, n spec.Network) error {
	return f.act(ctx, "CreateNetwork", n.Name, func() error {
		if have, ok := f.networks[n.Name]; ok && have.Stack != stack {
			return fmt.Errorf("network %s is of stack %q", n.Name, have.Stack)
		}
		f.networks[n.Name] = planner.Network{Key: n.Key, Name: n.Name, Stack: stack}
		return nil
	})
}

// RepairNetwork puts back what a network has lost.
func (f *Fake) RepairNetwork(ctx context.Context, name string) error {
	return f.act(ctx, "RepairNetwork", name, func() error {
		if n, ok := f.networks[name]; ok {
			n.Lost = nil
			f.networks[name] = n
		}
		return nil
	})
}

// RemoveNetwork removes a network; a container in it is an error.
func (f *Fake) RemoveNetwork(ctx context.Context, stack, name string) error {
	return f.act(ctx, "RemoveNetwork", name, func() error {
		if have, ok := f.networks[name]; ok && have.Stack != stack {
			return fmt.Errorf("network %s is of stack %q", name, have.Stack)
		}
		for id, c := range f.containers {
			for _, n := range c.spec.Networks {
				if n.Name == name {
					return fmt.Errorf("network %s is in use by container %s", name, id)
				}
			}
		}
		delete(f.networks, name)
		return nil
	})
}

// CreateVolume makes a volume, or finds it made.
func (f *Fake) CreateVolume(ctx context.Context, stack string, v spec.Volume) error {
	return f.act(ctx, "CreateVolume", v.Name, func() error {
		if have, ok := f.volumes[v.Name]; ok && have.Stack != stack {
			return fmt.Errorf("volume %s is of stack %q", v.Name, have.Stack)
		}
		f.volumes[v.Name] = planner.Volume{Key: v.Key, Name: v.Name, Stack: stack, Made: v.Local, Labels: v.Labels}
		return nil
	})
}

// RemoveVolume removes a volume; a container that mounts it is an error.
func (f *Fake) RemoveVolume(ctx context.Context, stack, name string) error {
	return f.act(ctx, "RemoveVolume", name, func() error {
		if have, ok := f.volumes[name]; ok && have.Stack != stack {
			return fmt.Errorf("volume %s is of stack %q", name, have.Stack)
		}
		for id, c := range f.containers {
			for _, v := range c.spec.Volumes {
				if v.Name == name {
					return fmt.Errorf("volume %s is in use by container %s", name, id)
				}
			}
		}
		delete(f.volumes, name)
		return nil
	})
}
