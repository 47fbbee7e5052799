// Package news tells that the kernel's links, addresses, routes, settings or firewall rules
// have changed, whoever has changed them, but not what: whoever wants to know looks.
package news

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/fileevents"
)

// source is a family of netlink with the groups that tell of changes (rtnetlink(7),
// nfnetlink.h). everywhere asks for those of namespaces that have a link into this one too.
type source struct {
	family     int
	groups     []int
	everywhere bool
}

var sources = []source{
	{unix.NETLINK_ROUTE, []int{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
		unix.RTNLGRP_IPV4_NETCONF, unix.RTNLGRP_IPV6_NETCONF,
	}, true},
	{unix.NETLINK_NETFILTER, []int{unix.NFNLGRP_NFTABLES}, false},
}

// Listener hears of changes until it is closed.
type Listener struct {
	heard   chan struct{}
	sockets []*os.File
	files   *fileevents.Watcher // of settings; nil where the system tells of no changes
	heeded  map[string]uint64   // the inodes of settings
	reading sync.WaitGroup
}

// Listen begins to hear. What cannot be heard is logged, and the rest is heard all the same.
func Listen(log *slog.Logger) *Listener {
	l := &Listener{heard: make(chan struct{}, 1), heeded: map[string]uint64{}}
	for _, s := range sources {
		f, err := s.open()
		if err != nil {
			log.Warn("changes of networks are not heard", "err", err)
			continue
		}
		l.sockets = append(l.sockets, f)
		l.reading.Go(func() { l.read(f) })
	}
	w, err := fileevents.New()
	if err != nil {
		log.Warn("changes of the kernel's settings are not heard", "err", err)
		return l
	}
	l.files = w
	return l
}

// C has a value when something has changed since the last value was taken.
func (l *Listener) C() <-chan struct{} { return l.heard }

// Settings has changes of these files below /proc/sys heard too, and of none that was named
// before. One that is not there is no error. It is not for many goroutines at once.
func (l *Listener) Settings(paths []string) {
	if l.files == nil {
		return
	}
	for p := range l.heeded {
		if !slices.Contains(paths, p) {
			l.forget(p)
		}
	}
	for _, p := range paths {
		var st unix.Stat_t
		if unix.Stat(p, &st) != nil {
			continue
		}
		if l.heeded[p] != 0 && l.heeded[p] != st.Ino { // of a link that has been made anew
			l.forget(p)
		}
		if l.heeded[p] == 0 && l.files.Add(p) == nil {
			l.heeded[p] = st.Ino
		}
	}
}

func (l *Listener) forget(path string) {
	_ = l.files.Remove(path) // the kernel may have, with the file
	delete(l.heeded, path)
}

// Run hands on what is heard of settings until ctx ends, and closes the listener then.
func (l *Listener) Run(ctx context.Context) {
	defer l.close()
	if l.files == nil {
		<-ctx.Done()
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.files.Events:
			l.tell()
		case <-l.files.Lost():
			l.tell()
		}
	}
}

func (l *Listener) close() {
	for _, f := range l.sockets {
		_ = f.Close() // ends its read
	}
	l.reading.Wait()
	if l.files != nil {
		_ = l.files.Close()
	}
}

func (l *Listener) tell() {
	select {
	case l.heard <- struct{}{}:
	default: // it is known already
	}
}

// read takes messages, of which only that they came counts, so that a few bytes of each
// are enough. More than the socket holds are lost, which is news too.
func (l *Listener) read(f *os.File) {
	var some [16]byte
	for {
		_, err := f.Read(some[:])
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
		l.tell()
	}
}

// open makes a socket that the source's messages arrive at.
func (s source) open() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, s.family)
	if err != nil {
		return nil, fmt.Errorf("open netlink family %d: %w", s.family, err)
	}
	if err := s.join(fd); err != nil {
		return nil, errors.Join(fmt.Errorf("listen to netlink family %d: %w", s.family, err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}

func (s source) join(fd int) error {
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	if s.everywhere {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1); err != nil {
			return err
		}
	}
	for _, g := range s.groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g); err != nil {
			return err
		}
	}
	return nil
}
