package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/typeurl/v2"
	"golang.org/x/sync/errgroup"
)

// atOnce is how many containers are worked on at a time.
const atOnce = 4

// answer is what the engine may take to answer the first call.
const answer = 3 * time.Second

// floor is one round's world. All of it that is a file is below dir.
type floor struct {
	options
	dir     string
	client  *containerd.Client
	release func() error

	chainID string // of the image
	info    containers.RuntimeInfo
	made    []bool // which containers there may be something of
}

func (f *floor) id(i int) string      { return fmt.Sprintf("floor-%d", i) }
func (f *floor) netns(i int) string   { return filepath.Join(f.dir, f.id(i)+".netns") }
func (f *floor) logFile(i int) string { return filepath.Join(f.dir, f.id(i)+".log") }

// up starts all containers: connection, image, network and rules once for
// all, then four containers at a time.
func (f *floor) up(ctx context.Context) error {
	ctx, err := f.prepare(ctx)
	if err != nil {
		return err
	}
	if err := makeBridge(); err != nil {
		return err
	}
	if err := makeTable(min(f.n, published)); err != nil {
		return err
	}
	f.made = make([]bool, f.n)
	first := 0
	if f.shim.joined() { // one must be there to be joined
		if first, err = 1, f.start(ctx, 0); err != nil {
			return err
		}
	}
	if err := inParallel(first, f.n, func(i int) error { return f.start(ctx, i) }); err != nil {
		return err
	}
	return f.release()
}

// prepare connects, takes a lease, and looks the image up.
func (f *floor) prepare(ctx context.Context) (_ context.Context, err error) {
	f.release = func() error { return nil }
	if f.client, err = containerd.New(f.address, containerd.WithTimeout(answer)); err != nil {
		return nil, err
	}
	ctx = namespaces.WithNamespace(ctx, f.namespace)
	lease, err := f.client.LeasesService().Create(ctx, leases.WithRandomID(), leases.WithExpiration(time.Hour))
	if err != nil {
		return nil, err
	}
	f.release = func() error { return f.client.LeasesService().Delete(ctx, lease) }
	if f.chainID, err = chainID(ctx, f.client, f.image); err != nil {
		return nil, errors.Join(fmt.Errorf("image %s: %w", f.image, err), f.release())
	}
	opts, err := typeurl.MarshalAny(&runcoptions.Options{BinaryName: f.runtime, Root: filepath.Join(f.dir, "runc")})
	f.info = containers.RuntimeInfo{Name: runtimeName, Options: opts}
	return leases.WithLease(ctx, lease.ID), err
}

// down takes away whatever up has made.
func (f *floor) down(ctx context.Context) error {
	ctx = namespaces.WithNamespace(ctx, f.namespace)
	err := inParallel(0, len(f.made), func(i int) error { return f.stop(ctx, i) })
	err = errors.Join(err, f.forgetSandbox(ctx), removeTable(), removeBridge())
	if f.client != nil {
		err = errors.Join(err, f.client.Close())
	}
	return err
}

// inParallel calls do for each i from first up to n, a few at once. All are called.
func inParallel(first, n int, do func(int) error) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := first; i < n; i++ {
		g.Go(func() error { return do(i) })
	}
	return g.Wait()
}
