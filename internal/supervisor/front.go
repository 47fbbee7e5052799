package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"stackup.dev/stackup/internal/dns"
	"stackup.dev/stackup/internal/fileevents"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/relay"
	"stackup.dev/stackup/internal/statedir"
)

const (
	gather    = 10 * time.Millisecond // changes of records that come together are read together
	firstTry  = 200 * time.Millisecond
	lastTry   = 30 * time.Second
	blindLook = time.Second // where the system tells of no changes
)

// Records are what is on disk of networks and endpoints.
type Records interface {
	Networks() ([]network.Network, error)
	Endpoints() ([]network.Endpoint, error)
}

// Front is what the supervisor serves to networks by the records alone: answers
// to containers' questions for names, at their gateways, and the published ports
// that no rule leads on.
type Front struct {
	Dirs    statedir.Dirs
	Records Records
	Log     *slog.Logger
	// Answering, if not nil, is told once questions are answered, and in the end
	// that they are no more.
	Answering func(bool)
	// Again, if not nil, says that links may be other ones now.
	Again <-chan struct{}

	names  *dns.Server
	relays relay.Set
	told   sync.Once
}

// Run serves until ctx ends, by records as they are at each time.
func (f *Front) Run(ctx context.Context) {
	f.names = dns.NewServer(f.Log, dns.MachineConf())
	defer f.names.Close()
	defer func() { _ = f.relays.Close() }()
	defer func() {
		if f.Answering != nil {
			f.Answering(false)
		}
	}()
	w, err := fileevents.New()
	if err != nil {
		f.Log.Warn("no file events, looking every second instead", "err", err)
		w = nil
	} else {
		defer func() { _ = w.Close() }()
	}
	again := time.NewTimer(0)
	defer again.Stop()
	retry := firstTry
	for {
		f.watch(w)
		var next time.Duration // until something changes
		switch err := f.refresh(); {
		case err != nil:
			f.Log.Debug("names and relays", "err", err)
			next, retry = retry, min(2*retry, lastTry)
		case w == nil:
			next = blindLook
		default:
			retry = firstTry
		}
		if !f.await(ctx, w, again, next) {
			return
		}
	}
}

// watch sees to it that the folders of records are watched, or what they will
// be made in: the first record makes its folder, and the last one takes it away.
func (f *Front) watch(w *fileevents.Watcher) {
	if w == nil {
		return
	}
	for folder, in := range map[string]string{f.Dirs.Endpoints(): f.Dirs.State, f.Dirs.Networks(): f.Dirs.Root} {
		if w.Add(folder) == nil {
			_ = w.Remove(in) // it may not be watched
		} else if w.Add(in) == nil {
			_ = w.Add(folder) // it may just have been made
		}
	}
}

// await waits for a change of records or links, or for so long if that is not zero.
// It is false when ctx has ended.
func (f *Front) await(ctx context.Context, w *fileevents.Watcher, timer *time.Timer, atMost time.Duration) bool {
	timer.Stop()
	if atMost > 0 {
		timer.Reset(atMost)
	}
	var events chan fsnotify.Event
	var lost <-chan struct{}
	if w != nil {
		events, lost = w.Events, w.Lost()
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-lost:
			return paused(ctx, gather)
		case <-f.Again:
			return paused(ctx, gather)
		case e := <-events:
			if about(e) {
				timer.Reset(gather)
				drain(ctx, w, timer)
				return ctx.Err() == nil
			}
		}
	}
}

// paused waits; it is false when ctx has ended.
func paused(ctx context.Context, d time.Duration) bool {
	pause(ctx, d)
	return ctx.Err() == nil
}

// drain takes what comes until the timer is due.
func drain(ctx context.Context, w *fileevents.Watcher, timer *time.Timer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-w.Events:
		}
	}
}

// about says whether an event is about a record that is there whole, or a
// folder of records.
func about(e fsnotify.Event) bool {
	name := filepath.Base(e.Name)
	if strings.HasPrefix(name, ".") || e.Has(fsnotify.Chmod) {
		return false
	}
	return filepath.Ext(name) == ".json" || name == "endpoints" || name == "networks"
}

func (f *Front) refresh() error {
	networks, err := f.Records.Networks()
	if err != nil {
		return err
	}
	endpoints, err := f.Records.Endpoints()
	if err != nil {
		return err
	}
	err = errors.Join(
		f.names.Set(tableOf(networks, endpoints), socketsOf(networks)),
		f.relays.Set(relaysOf(endpoints)),
	)
	if err == nil && len(networks) > 0 && f.Answering != nil {
		f.told.Do(func() { f.Answering(true) })
	}
	return err
}

func relaysOf(endpoints []network.Endpoint) (out []relay.Relay) {
	for _, p := range network.Relayed(endpoints) {
		out = append(out, relay.Relay{Protocol: p.Protocol, At: netip.AddrPortFrom(p.HostIP, p.HostPort), To: p.To})
	}
	return out
}

func tableOf(networks []network.Network, endpoints []network.Endpoint) *dns.Table {
	var zones []dns.Network
	for _, n := range networks {
		zones = append(zones, dns.Network{Name: n.Name, Subnets: n.Subnets(), Internal: n.Internal})
	}
	var members []dns.Member
	for _, e := range endpoints {
		m := dns.Member{Name: e.Name, Answers: e.Answers(), Servers: e.Servers}
		for _, a := range e.Attachments {
			m.At = append(m.At, dns.Place{Network: a.Network, Names: a.Names, Addresses: a.Addresses()})
		}
		members = append(members, m)
	}
	return dns.NewTable(zones, members)
}

// socketsOf are where networks' questions arrive. A bridge that is not there,
// as after a reboot, is made with its first container, which changes a record.
func socketsOf(networks []network.Network) (out []dns.Socket) {
	for _, n := range networks {
		link, err := net.InterfaceByName(n.Bridge)
		if err != nil {
			continue
		}
		for _, at := range n.NameSockets() {
			out = append(out, dns.Socket{Network: n.Name, Address: at, Device: n.Bridge, Index: link.Index})
		}
	}
	return out
}
