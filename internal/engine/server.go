package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/cmd/containerd/server"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/log"
	"google.golang.org/grpc/grpclog"

	"stackup.dev/stackup/internal/busy"
	"stackup.dev/stackup/internal/statedir"
)

// lockName is held by the embedded engine's process as long as it lives.
const lockName = "engine"

// lockPatience covers those who only look whether the engine's lock is free.
const lockPatience = 2 * time.Second

// Serve is the embedded engine: it serves containerd's API on d.Socket() until
// ctx ends. libexec holds the helper programs. before is called when no other engine can
// start, and this one has not yet looked at what runs; ready once the socket answers.
// Containers are left running when Serve returns.
//
// It belongs in a process of its own and is called once in it: containerd
// keeps its plugins, its logger and the process's PATH and TMPDIR for itself.
func Serve(ctx context.Context, d statedir.Dirs, libexec string, logTo io.Writer, before func(context.Context), ready func()) (err error) {
	if err := Check(d, libexec); err != nil {
		return err
	}
	lock, err := takeLock(ctx, d)
	if err != nil {
		return err
	}
	defer func() {
		if uerr := lock.Unlock(); err == nil {
			err = uerr
		}
	}()
	if err := prepareProcess(libexec, logTo); err != nil {
		return err
	}
	before(ctx)
	srv, err := boot(ctx, d)
	if err != nil {
		return err
	}
	defer srv.Stop()
	srv.Wait()
	log.G(ctx).WithField("address", d.Socket()).Info("engine is ready")
	ready()
	<-ctx.Done()
	return nil
}

func takeLock(ctx context.Context, d statedir.Dirs) (*statedir.Lock, error) {
	ctx, cancel := busy.WithTimeout(ctx, lockPatience, context.DeadlineExceeded)
	defer cancel()
	return d.Lock(ctx, lockName, nil)
}

// prepareProcess makes the process what containerd expects: it looks for the
// shim in PATH, and the shim looks there for runc. Of shims our own front comes
// first.
func prepareProcess(libexec string, logTo io.Writer) error {
	log.L.Logger.SetOutput(logTo)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	const sep = string(os.PathListSeparator)
	return os.Setenv("PATH", filepath.Join(libexec, frontFolder)+sep+libexec+sep+pathOr(os.Getenv("PATH")))
}

// boot starts the server. The folder above the sockets is closed to others
// before a socket is in it, so that no moment is left between listen and chmod.
func boot(ctx context.Context, d statedir.Dirs) (*server.Server, error) {
	if err := os.MkdirAll(d.State, 0o700); err != nil {
		return nil, err
	}
	cfg := serverConfig(d, Snapshotter(d))
	if err := server.CreateTopLevelDirectories(cfg); err != nil {
		return nil, err
	}
	if err := cleanTempMounts(ctx, filepath.Join(cfg.Root, "tmpmounts")); err != nil {
		return nil, err
	}
	srv, err := server.New(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("set up the engine: %w", err)
	}
	if err := srv.Start(ctx); err != nil {
		srv.Stop()
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	for _, path := range []string{d.Socket(), ttrpcSocket(d)} {
		if err := os.Chmod(path, 0o600); err != nil {
			srv.Stop()
			return nil, err
		}
	}
	return srv, nil
}

// cleanTempMounts unmounts what a killed engine left mounted while it unpacked.
func cleanTempMounts(ctx context.Context, dir string) error {
	if err := mount.SetTempMountLocation(dir); err != nil {
		return fmt.Errorf("temporary mounts: %w", err)
	}
	warnings, err := mount.CleanupTempMounts(0)
	for _, w := range warnings {
		log.G(ctx).WithError(w).Warn("clean up temporary mount")
	}
	if err != nil {
		log.G(ctx).WithError(err).Warn("clean up temporary mounts")
	}
	return nil
}
