package ctrd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/containerd/cgroups/v3"
	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"
	"github.com/containerd/typeurl/v2"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Update rewrites the live fields: the stored model, the user's labels, the
// limits of the control group, how much of the output is kept.
func (e *Engine) Update(ctx context.Context, id string, c executor.ContainerSpec) (err error) {
	ctx = e.ctx(ctx)
	lock, err := e.Dirs.LockContainer(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	rec, err := e.client.ContainerService().Get(ctx, id)
	if err != nil {
		return err
	}
	old, err := storedOf(rec)
	if err != nil {
		return err
	}
	img, err := e.imageConfig(ctx, c.Service.Image, c.Digest)
	if err != nil {
		return err
	}
	c.Mounted = old.Mounted
	ext, err := storedFor(c, img).marshal()
	if err != nil {
		return err
	}
	if err := e.updateLimits(ctx, &rec, old.Service.Resources, &c.Service); err != nil {
		return fmt.Errorf("resources: %w", err)
	}
	if err := e.updateLogging(id, old.Service.Logging, c.Service.Logging); err != nil {
		return fmt.Errorf("logs: %w", err)
	}
	rec.Extensions = map[string]typeurl.Any{extensionKey: ext}
	relabel(rec.Labels, old.Service.Labels, c.Service.Labels)
	_, err = e.client.ContainerService().Update(ctx, rec, "labels", "extensions", "spec")
	return err
}

// updateLimits changes the live control group first: what the kernel refuses
// shall not be recorded.
func (e *Engine) updateLimits(ctx context.Context, rec *containers.Container, old spec.Resources, now *spec.Service) error {
	if reflect.DeepEqual(old, now.Resources) {
		return nil
	}
	s, err := specOf(*rec)
	if err != nil {
		return err
	}
	if err := withResources(now.Resources, now.Fixed)(ctx, nil, rec, &s); err != nil {
		return err
	}
	lifted, err := linuxResources(now.Resources) // without what the runtime never changes
	if err != nil {
		return err
	}
	lift(lifted, old)
	value, err := typeurl.MarshalAnyToProto(lifted)
	if err != nil {
		return err
	}
	t, err := e.task(ctx, rec.ID)
	if err != nil {
		return err
	}
	if t != nil && taskState(t.Status) != planner.TaskStopped { // else the next start has them
		_, err = e.client.TaskService().Update(ctx, &tasksapi.UpdateTaskRequest{ContainerID: rec.ID, Resources: value})
		if err = native(err); err != nil && !errdefs.IsNotFound(err) {
			return err
		}
	}
	rec.Spec, err = typeurl.MarshalAny(&s)
	return err
}

// lift gives what was limited, and is no more, the kernel's own default: a
// limit that is left out of an update stays.
func lift(r *specs.LinuxResources, old spec.Resources) {
	was, err := linuxResources(old)
	if err != nil {
		return // a device that has gone since
	}
	if was.CPU != nil {
		if r.CPU == nil {
			r.CPU = &specs.LinuxCPU{}
		}
		orDefault(&r.CPU.Shares, was.CPU.Shares, 1024)
		orDefault(&r.CPU.Quota, was.CPU.Quota, -1)
		orDefault(&r.CPU.Period, was.CPU.Period, cpuPeriod)
		if was.CPU.Cpus != "" && r.CPU.Cpus == "" {
			r.CPU.Cpus = allCPUs()
		}
	}
	if was.Memory != nil {
		if r.Memory == nil {
			r.Memory = &specs.LinuxMemory{}
		}
		orDefault(&r.Memory.Limit, was.Memory.Limit, -1)
		orDefault(&r.Memory.Swap, was.Memory.Swap, -1)
		orDefault(&r.Memory.Reservation, was.Memory.Reservation, noReservation())
	}
	liftBlockIO(r, was.BlockIO)
}

// noReservation is what means none: on version 2 -1 would protect all memory,
// and the runtime takes 0 for "not asked for".
func noReservation() int64 {
	if cgroups.Mode() == cgroups.Unified {
		return 1 // byte, less than a page
	}
	return -1
}

// liftBlockIO gives devices that have no rate any more the rate 0, which is none.
func liftBlockIO(r *specs.LinuxResources, was *specs.LinuxBlockIO) {
	if was == nil {
		return
	}
	if r.BlockIO == nil {
		r.BlockIO = &specs.LinuxBlockIO{}
	}
	orDefault(&r.BlockIO.Weight, was.Weight, 500)
	for _, t := range []struct {
		now *[]specs.LinuxThrottleDevice
		was []specs.LinuxThrottleDevice
	}{
		{&r.BlockIO.ThrottleReadBpsDevice, was.ThrottleReadBpsDevice},
		{&r.BlockIO.ThrottleWriteBpsDevice, was.ThrottleWriteBpsDevice},
		{&r.BlockIO.ThrottleReadIOPSDevice, was.ThrottleReadIOPSDevice},
		{&r.BlockIO.ThrottleWriteIOPSDevice, was.ThrottleWriteIOPSDevice},
	} {
		for _, d := range t.was {
			same := func(o specs.LinuxThrottleDevice) bool { return o.Major == d.Major && o.Minor == d.Minor }
			if !slices.ContainsFunc(*t.now, same) {
				d.Rate = 0
				*t.now = append(*t.now, d)
			}
		}
	}
}

func orDefault[T any](now **T, was *T, kernels T) {
	if *now == nil && was != nil {
		*now = &kernels
	}
}

// allCPUs are those that a control group may have, on either version.
func allCPUs() string {
	for _, path := range []string{cgroupRoot + "/cpuset/cpuset.cpus", cgroupRoot + "/cpuset.cpus.effective"} {
		if b, err := os.ReadFile(path); err == nil {
			return strings.TrimSpace(string(b))
		}
	}
	return ""
}

// updateLogging tells the logger; it takes a changed configuration over.
func (e *Engine) updateLogging(id string, old, now spec.Logging) error {
	if old == now {
		return nil
	}
	return logs.Reconfigure(e.Dirs, id, logConfig(now))
}
