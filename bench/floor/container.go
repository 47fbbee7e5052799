package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"
	"golang.org/x/sys/unix"
)

const (
	runtimeName = "io.containerd.runc.v2"
	snapshotter = "overlayfs"
)

// start makes container i and has it running: network, snapshot, record, task.
func (f *floor) start(ctx context.Context, i int) error {
	f.made[i] = true
	if err := makeNetns(f.netns(i)); err != nil {
		return fmt.Errorf("network namespace: %w", err)
	}
	if err := attach(i, f.netns(i)); err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	rootfs, err := f.client.SnapshotService(snapshotter).Prepare(ctx, f.id(i), f.chainID)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if err := f.record(ctx, i); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return f.startTask(ctx, i, rootfs)
}

func (f *floor) record(ctx context.Context, i int) error {
	rec := containers.Container{
		ID: f.id(i), Image: f.image, Runtime: f.info, SnapshotKey: f.id(i), Snapshotter: snapshotter,
	}
	if f.shim.joined() && i > 0 {
		rec.SandboxID = f.id(0)
	}
	spec, err := f.spec(ctx, i, &rec)
	if err != nil {
		return err
	}
	if rec.Spec, err = typeurl.MarshalAny(spec); err != nil {
		return err
	}
	_, err = f.client.ContainerService().Create(ctx, rec)
	return err
}

func (f *floor) startTask(ctx context.Context, i int, rootfs []mount.Mount) error {
	uri := "file://" + f.logFile(i)
	req := &tasksapi.CreateTaskRequest{ContainerID: f.id(i), Stdout: uri, Stderr: uri}
	for _, m := range rootfs {
		req.Rootfs = append(req.Rootfs, &types.Mount{Type: m.Type, Source: m.Source, Target: m.Target, Options: m.Options})
	}
	if err := f.joinShim(ctx, i, req); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if _, err := f.client.TaskService().Create(ctx, req); err != nil {
		return fmt.Errorf("create task %s: %w", f.id(i), errgrpc.ToNative(err))
	}
	if _, err := f.client.TaskService().Start(ctx, &tasksapi.StartRequest{ContainerID: f.id(i)}); err != nil {
		return fmt.Errorf("start task %s: %w", f.id(i), errgrpc.ToNative(err))
	}
	return nil
}

// stop takes container i away, as far as there is anything of it.
func (f *floor) stop(ctx context.Context, i int) error {
	if !f.made[i] {
		return nil
	}
	id := f.id(i)
	return errors.Join(
		ignoreAbsent(f.stopTask(ctx, id)),
		ignoreAbsent(f.client.ContainerService().Delete(ctx, id)),
		ignoreAbsent(f.client.SnapshotService(snapshotter).Remove(ctx, id)),
		removeNetns(f.netns(i)),
	)
}

func (f *floor) stopTask(ctx context.Context, id string) error {
	t, err := f.client.TaskService().Get(ctx, &tasksapi.GetRequest{ContainerID: id})
	if err != nil {
		return errgrpc.ToNative(err)
	}
	if err := f.killTask(ctx, id, int(t.Process.Pid)); err != nil {
		return fmt.Errorf("kill %s: %w", id, errgrpc.ToNative(err))
	}
	if _, err := f.client.TaskService().Wait(ctx, &tasksapi.WaitRequest{ContainerID: id}); err != nil {
		return fmt.Errorf("wait for %s: %w", id, errgrpc.ToNative(err))
	}
	return f.deleteTask(ctx, id)
}

// deleteTask asks again if a shared shim has ended with the task, its last,
// before it could answer.
func (f *floor) deleteTask(ctx context.Context, id string) error {
	req := &tasksapi.DeleteTaskRequest{ContainerID: id}
	_, err := f.client.TaskService().Delete(ctx, req)
	if err != nil && strings.Contains(err.Error(), "ttrpc: closed") {
		_, err = f.client.TaskService().Delete(ctx, req)
	}
	if err != nil {
		return fmt.Errorf("delete task %s: %w", id, errgrpc.ToNative(err))
	}
	return nil
}

// killTask ends the process by itself, or by the runtime, which the shim
// starts for it.
func (f *floor) killTask(ctx context.Context, id string, pid int) error {
	if f.kill == "api" {
		_, err := f.client.TaskService().Kill(ctx, &tasksapi.KillRequest{ContainerID: id, Signal: uint32(syscall.SIGKILL)})
		return err
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0), unix.Close(fd))
}

func ignoreAbsent(err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}
