package engine

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/core/events/exchange"
	"github.com/containerd/containerd/v2/plugins"
	"github.com/containerd/log"
	"github.com/containerd/plugin"
	"github.com/containerd/plugin/registry"
	"golang.org/x/sys/unix"
)

// A shim takes its socket away by a link in its bundle. Where containerd was
// killed meanwhile, the bundle can be gone first, and the socket would stay.
const (
	// sweepDelay after the last container has gone, its shim's socket has too.
	sweepDelay = 500 * time.Millisecond
	// settled is how old a socket must be before silence means that it is
	// dead: between bind and listen a new one is silent as well.
	settled = time.Second
)

// sweepConfig is the sweeping plugin's settings.
type sweepConfig struct {
	Dir string `toml:"dir"`
}

func init() {
	registry.Register(&plugin.Registration{
		Type:     plugins.InternalPlugin,
		ID:       "stackup-shim-sockets",
		Requires: []plugin.Type{plugins.EventPlugin},
		Config:   &sweepConfig{},
		InitFn: func(ic *plugin.InitContext) (any, error) {
			ep, err := ic.GetByID(plugins.EventPlugin, "exchange")
			if err != nil {
				return nil, err
			}
			go sweepSockets(ic.Context, ic.Config.(*sweepConfig).Dir, ep.(*exchange.Exchange))
			return nil, nil //nolint:nilnil // nobody asks for this plugin
		},
	})
}

// sweepSockets removes dead shims' sockets whenever containers have gone, until
// ctx ends.
func sweepSockets(ctx context.Context, dir string, ex *exchange.Exchange) {
	gone, failed := ex.Subscribe(ctx, `topic=="/containers/delete"`)
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-failed:
			log.G(ctx).WithError(err).Debug("no more events for the sweep of shims' sockets")
			return
		case <-gone:
			again.Reset(sweepDelay)
		case <-again.C:
			if removeDead(ctx, dir) {
				again.Reset(settled)
			}
		}
	}
}

// removeDead removes the sockets in dir that nobody listens on. It says whether
// some are too young to be judged.
func removeDead(ctx context.Context, dir string) (young bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false // before the first shim
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err != nil || info.Mode().Type() != fs.ModeSocket || !unheard(path) {
			continue
		}
		if time.Since(info.ModTime()) < settled {
			young = true
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			log.G(ctx).WithError(err).Warn("remove a dead shim's socket")
		}
	}
	return young
}

func unheard(path string) bool {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return errors.Is(err, unix.ECONNREFUSED)
	}
	_ = conn.Close() // only to see whether somebody is there
	return false
}
