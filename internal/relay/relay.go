// Package relay hands on what arrives at addresses that the kernel's rules
// cannot lead anywhere: the host's own ::1, whose answers never come back from a
// bridge. Everything else goes by rules (internal/network/nat), which are faster.
package relay

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Relay is one address and where it leads to.
type Relay struct {
	Protocol string // tcp or udp
	At       netip.AddrPort
	To       netip.AddrPort
}

type key struct {
	protocol string
	at       netip.AddrPort
}

// target is where a relay leads to now.
type target = atomic.Pointer[netip.AddrPort]

// open is a relay that listens.
type open struct {
	to     *target
	closer io.Closer
}

// Set is the relays of one process. The zero value has none.
type Set struct {
	mu   sync.Mutex
	open map[key]open
}

// Set makes relays what they should be. One whose target alone has changed goes
// on listening: what comes from then on is led to the new one, and connections
// that are there stay with the former. The error names every address that could
// not be listened at; all others work.
func (s *Set) Set(relays []Relay) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[key]open{}
	}
	wanted := map[key]bool{}
	for _, r := range relays {
		wanted[key{r.Protocol, r.At}] = true
	}
	var errs []error
	for k, o := range s.open {
		if !wanted[k] {
			errs = append(errs, o.closer.Close())
			delete(s.open, k)
		}
	}
	for _, r := range relays {
		errs = append(errs, s.lead(r))
	}
	return errors.Join(errs...)
}

func (s *Set) lead(r Relay) error {
	k := key{r.Protocol, r.At}
	if o, there := s.open[k]; there {
		o.to.Store(&r.To)
		return nil
	}
	o := open{to: new(target)}
	o.to.Store(&r.To)
	var err error
	switch r.Protocol {
	case "tcp":
		o.closer, err = serveTCP(r.At, o.to)
	case "udp":
		o.closer, err = serveUDP(r.At, o.to)
	default:
		err = fmt.Errorf("relay %s: no such protocol %q", r.At, r.Protocol)
	}
	if err == nil {
		s.open[k] = o
	}
	return err
}

// Close ends all relays.
func (s *Set) Close() error { return s.Set(nil) }
