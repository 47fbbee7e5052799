package cni

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	gocni "github.com/containerd/go-cni"
	"github.com/containernetworking/cni/libcni"

	"stackup.dev/stackup/internal/busy"
)

// Prefix is what interface names in a container begin with: eth0, eth1…
const Prefix = "eth"

// Network is one network to attach to; its place in the list is the number
// of the interface.
type Network struct {
	Name   string
	Conf   Conf    // of our own plugin
	OnWire *OnWire // of a standard one in its place
}

// Runner calls plugins.
type Runner struct {
	PluginDir string
	CacheDir  string        // where the library keeps results; see Use
	Deadline  time.Duration // for one Setup on a machine that is not busy; then the plugin is killed
}

// Use makes a Runner and points the CNI library's result cache to cacheDir.
// go-cni has no option for it and the library's default is shared by all
// container engines of a host; libcni's variable is the documented fall-back
// of its getCacheDir. A process has one cache, so it may use one Runner only
// at a time; call Use before anything runs.
func Use(pluginDir, cacheDir string, deadline time.Duration) *Runner {
	if libcni.CacheDir != cacheDir {
		libcni.CacheDir = cacheDir
	}
	return &Runner{PluginDir: pluginDir, CacheDir: cacheDir, Deadline: deadline}
}

// Setup attaches the network namespace at path to all networks, by interfaces
// that prefix and the place in the list name. It does not
// undo a part that succeeded: the caller removes the namespace, and what the
// library remembers by Forget.
func (r *Runner) Setup(ctx context.Context, id, path, prefix string, networks []Network) error {
	return r.run(ctx, prefix, networks, func(ctx context.Context, c gocni.CNI) error {
		_, err := c.Setup(ctx, id, path)
		return err
	})
}

// Forget removes the library's cached result of one attachment, given by the
// name that its interface has for CNI.
func (r *Runner) Forget(id, network, slot string) error {
	path := filepath.Join(r.CacheDir, "results", fmt.Sprintf("%s-%s-%s", network, id, slot))
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// run calls go-cni with a deadline. When that passes, the library kills the
// plugin, but goes on waiting for as long as a child of the plugin holds its
// output open; so after a moment more we leave it behind.
func (r *Runner) run(ctx context.Context, prefix string, networks []Network, call func(context.Context, gocni.CNI) error) error {
	if len(networks) == 0 {
		return nil
	}
	c, err := r.load(prefix, networks)
	if err != nil {
		return err
	}
	limited, cancel := busy.WithTimeout(ctx, r.Deadline, context.DeadlineExceeded)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call(limited, c) }()
	select {
	case err = <-done:
	case <-limited.Done():
		select {
		case err = <-done:
		case <-time.After(time.Second):
			err = context.Cause(limited)
		}
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("network helper %s did not answer within %s and was killed: %w", filepath.Join(r.PluginDir, Plugin), r.Deadline, err)
	}
	return err
}

func (r *Runner) load(prefix string, networks []Network) (gocni.CNI, error) {
	opts := []gocni.Opt{gocni.WithMinNetworkCount(len(networks)), gocni.WithPluginDir([]string{r.PluginDir}), gocni.WithInterfacePrefix(prefix)}
	for _, n := range networks {
		list, err := List(n)
		if err != nil {
			return nil, err
		}
		opts = append(opts, gocni.WithConfListBytes(list))
	}
	return gocni.New(opts...)
}
