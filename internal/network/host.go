package network

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"stackup.dev/stackup/internal/cni"
	"stackup.dev/stackup/internal/network/nat"
	"stackup.dev/stackup/internal/network/ports"
	"stackup.dev/stackup/internal/statedir"
)

// HelperDeadline is how long a CNI plugin may take before it is killed.
const HelperDeadline = 30 * time.Second

// Host keeps the networks of one pair of root and state folders. Its methods
// may be called from many goroutines and processes at once.
type Host struct {
	Dirs      statedir.Dirs
	PluginDir string // where stackup-cni is
	Log       *slog.Logger
	// Note, if not nil, is told what has happened to a network, in docker's words:
	// create, destroy, and connect, disconnect of a container.
	Note func(stack, network, action, container string)

	// Labelled, if not nil, gives the endpoints of all containers as their labels have
	// them, those first that are to keep an address which two have. It is called with the
	// network lock held.
	Labelled func(context.Context) ([]Endpoint, error)

	networks  folder[Network]
	endpoints folder[Endpoint]
	changes   changes

	cni    *cni.Runner
	proc   ports.Proc
	turn   chan struct{} // before the lock file, which is polled: goroutines of one process wait here
	nft    nat.Kernel
	legacy sync.Once // warns once about the old iptables
}

// New gives a Host. pluginDir holds the stackup-cni program. It sets the CNI
// library's cache folder, so a process uses one pair of folders at a time.
func New(dirs statedir.Dirs, pluginDir string, log *slog.Logger) *Host {
	return &Host{
		Dirs:      dirs,
		PluginDir: pluginDir,
		Log:       log,
		cni:       cni.Use(pluginDir, dirs.CNICache(), HelperDeadline),
		proc:      "/proc",
		turn:      make(chan struct{}, 1),
	}
}

// lock keeps all others, in this process and in any, from records and rules.
func (h *Host) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the network lock: %w", context.Cause(ctx))
	}
	l, err := h.Dirs.LockNetwork(ctx)
	if err != nil {
		<-h.turn
		return nil, err
	}
	return func() {
		if err := l.Unlock(); err != nil {
			h.Log.Warn("free the network lock", "err", err)
		}
		<-h.turn
	}, nil
}

func (h *Host) note(stack, network, action, container string) {
	if h.Note != nil {
		h.Note(stack, network, action, container)
	}
}

// publish makes the kernel's rules follow the records. The caller has the lock.
func (h *Host) publish() error {
	endpoints, err := h.Endpoints()
	if err != nil {
		return err
	}
	return h.publishThese(endpoints)
}

// publishThese is publish for one who has just read, or changed, the endpoints.
func (h *Host) publishThese(endpoints []Endpoint) error {
	networks, err := h.Networks()
	if err != nil {
		return err
	}
	bridges := natBridges(networks, h.answering())
	want := nat.Render(h.Dirs.NftTable(), bridges, natPorts(endpoints))
	if h.nft.Holds(want) {
		return nil
	}
	if err := h.nft.Swap(want); err != nil {
		return err
	}
	if err := h.nft.Coexist(h.Dirs.NftTable(), bridges); err != nil {
		h.Log.Warn("another firewall may block containers", "err", err)
	}
	if len(bridges) > 0 && nat.LegacyFilter() {
		h.legacy.Do(func() {
			h.Log.Warn("the old iptables (iptables-legacy) has a filter table; if its FORWARD policy is DROP, let our bridges through by hand", "bridges", names(bridges))
		})
	}
	return nil
}

// tidy takes away folders that are empty. With no endpoint left, nobody can be
// writing into them: that takes a record, which takes the lock.
func (h *Host) tidy() {
	if all, err := h.Endpoints(); err != nil || len(all) > 0 {
		return
	}
	_ = os.Remove(h.marker())
	for _, dir := range []string{
		h.Dirs.Endpoints(), h.Dirs.Netns(), filepath.Join(h.Dirs.CNICache(), "results"), h.Dirs.CNICache(), h.Dirs.Networks(),
	} {
		_ = os.Remove(dir) // refused by the kernel if not empty
	}
}
