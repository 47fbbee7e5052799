package engine

import (
	"path/filepath"

	srvconfig "github.com/containerd/containerd/v2/cmd/containerd/server/config"

	"stackup.dev/stackup/internal/statedir"
)

// The URIs under which containerd's plugins read their settings (config
// version 4, where server settings live with the server plugins).
const (
	grpcPlugin      = "io.containerd.server.v1.grpc"
	ttrpcPlugin     = "io.containerd.server.v1.ttrpc"
	shimPlugin      = "io.containerd.shim.v1.manager"
	snapshotsPlugin = "io.containerd.snapshotter.v1."
)

// ttrpcSocket is where shims send their events.
func ttrpcSocket(d statedir.Dirs) string { return d.Socket() + ".ttrpc" }

// serverConfig is the embedded engine's whole configuration; no file is read.
// OOM score and control group stay as they were inherited.
func serverConfig(d statedir.Dirs, snapshotter string) *srvconfig.Config {
	owner := func(address string) map[string]any {
		return map[string]any{"address": address, "uid": 0, "gid": 0}
	}
	return &srvconfig.Config{
		Version: 4,
		Root:    d.EngineRoot(),
		State:   d.EngineState(),
		TempDir: filepath.Join(d.EngineRoot(), "tmp"),
		RequiredPlugins: []string{
			"io.containerd.content.v1.content",
			"io.containerd.metadata.v1.bolt",
			"io.containerd.differ.v1.walking",
			"io.containerd.runtime.v2.task",
			"io.containerd.grpc.v1.tasks",
			"io.containerd.grpc.v1.version",
			snapshotsPlugin + snapshotter,
		},
		Plugins: map[string]any{
			grpcPlugin:  owner(d.Socket()),
			ttrpcPlugin: owner(ttrpcSocket(d)),
			shimPlugin:  map[string]any{"socket_dir": d.ShimSockets()},
		},
	}
}
