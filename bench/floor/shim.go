package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/v2/core/sandbox"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/shim"
)

// shimMode says which containers share a shim.
type shimMode string

const (
	// each container has a shim of its own.
	each shimMode = "each"
	// group has all share one by an annotation. The engine starts the shim's
	// program for each all the same, which finds the one that runs.
	group shimMode = "group"
	// one has the first container be a sandbox that the others join: the
	// engine speaks to its shim at once. containerd 2 and later.
	one shimMode = "one"
	// join is both: the shim has the group's address, and who joins says that
	// address himself, so that the first container may come and go.
	join shimMode = "join"
)

// groupAnnotation has the shim of runc share itself.
const groupAnnotation = "io.containerd.runc.v2.group"

// shimVersion is that of a shim which can be joined without its program.
const shimVersion = 3

func (m shimMode) String() string { return string(m) }

// Set is for package flag.
func (m *shimMode) Set(s string) error {
	switch v := shimMode(s); v {
	case each, group, one, join:
		*m = v
		return nil
	}
	return errors.New("no such mode")
}

func (m shimMode) joined() bool  { return m == one || m == join }
func (m shimMode) grouped() bool { return m == group || m == join }

// joinShim makes the first container the sandbox, and has the others join it.
func (f *floor) joinShim(ctx context.Context, i int, req *tasksapi.CreateTaskRequest) error {
	if !f.shim.joined() {
		return nil
	}
	if i == 0 {
		_, err := f.client.SandboxStore().Create(ctx, sandbox.Sandbox{
			ID: f.id(0), Sandboxer: "shim", Runtime: sandbox.RuntimeOpts{Name: runtimeName},
		})
		return err
	}
	if f.shim == join {
		address, err := f.groupAddress(ctx)
		if err != nil {
			return err
		}
		req.TaskApiAddress, req.TaskApiVersion = "ttrpc+"+address, shimVersion
	}
	return nil
}

func (f *floor) forgetSandbox(ctx context.Context) error {
	if !f.shim.joined() || f.client == nil {
		return nil
	}
	return ignoreAbsent(f.client.SandboxStore().Delete(ctx, f.id(0)))
}

// groupAddress is where the shim of the group listens.
func (f *floor) groupAddress(ctx context.Context) (string, error) {
	return shim.CreateSocketAddress(ctx, "/run/containerd/s", f.address, f.namespace, false)
}

// sweep removes the group's socket. A shim that outlives the container which
// it was started with leaves it.
func (f *floor) sweep() error {
	address, err := f.groupAddress(namespaces.WithNamespace(context.Background(), f.namespace))
	if err != nil {
		return err
	}
	err = os.Remove(strings.TrimPrefix(address, "unix://"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("shim's socket: %w", err)
	}
	return nil
}
