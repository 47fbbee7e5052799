package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"
)

// largest is the size of UDP answers that no network has to cut into pieces.
const largest = 1232

// Socket is a place to answer at, over UDP and TCP.
type Socket struct {
	Network string
	Address netip.AddrPort
	Device  string // link that questions must come by; empty for any
	Index   int    // of the link: one that was made anew needs a new socket
}

// Server answers at sockets from a table that can be exchanged at any time.
type Server struct {
	Log *slog.Logger

	ctx     context.Context //nolint:containedctx // the life of all questions: until Close
	cancel  context.CancelFunc
	machine conf
	forward *forwarder
	table   atomic.Pointer[Table]

	mu   sync.Mutex
	open map[Socket]*listener
	told map[Socket]string // what is said already of those that cannot be opened
}

// NewServer gives a server without sockets. Names that are not in the table it
// asks the servers for that the resolv.conf at path names.
func NewServer(log *slog.Logger, path string) *Server {
	s := &Server{
		Log: log, machine: conf{path: path}, forward: newForwarder(),
		open: map[Socket]*listener{}, told: map[Socket]string{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.table.Store(NewTable(nil, nil))
	return s
}

// Set exchanges the table, and makes the server answer at exactly these
// sockets. The error says which could not be opened; each is logged once.
func (s *Server) Set(t *Table, sockets []Socket) error {
	s.table.Store(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := map[Socket]bool{}
	for _, k := range sockets {
		wanted[k] = true
	}
	for k, l := range s.open {
		if !wanted[k] {
			l.close()
			delete(s.open, k)
		}
	}
	var errs []error
	told := map[Socket]string{}
	for k := range wanted {
		if err := s.ensure(k); err != nil {
			errs = append(errs, err)
			told[k] = err.Error()
		}
	}
	s.told = told
	return errors.Join(errs...)
}

func (s *Server) ensure(k Socket) error {
	if s.open[k] != nil {
		return nil
	}
	l, err := listen(s.ctx, k, s.handler(k.Network))
	if err != nil {
		err = fmt.Errorf("network %s: containers find each other by their hosts files alone: listen at %s: %w", k.Network, k.Address, err)
		if s.told[k] != err.Error() {
			s.Log.Warn("names", "err", err)
		}
		return err
	}
	s.open[k] = l
	return nil
}

// Close ends all answering.
func (s *Server) Close() {
	s.cancel()
	_ = s.Set(NewTable(nil, nil), nil) // opens nothing
}

func (s *Server) handler(network string) dns.Handler {
	return dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		transport, from := "udp", netip.Addr{}
		switch a := w.RemoteAddr().(type) {
		case *net.UDPAddr:
			from = a.AddrPort().Addr()
		case *net.TCPAddr:
			transport, from = "tcp", a.AddrPort().Addr()
		}
		reply := s.reply(q, transport, network, from.Unmap().WithZone(""))
		if err := w.WriteMsg(reply); err != nil {
			s.Log.Debug("answer a question for a name", "to", from, "err", err)
		}
	})
}

// reply answers one question; it never fails.
func (s *Server) reply(q *dns.Msg, transport, network string, from netip.Addr) *dns.Msg {
	reply := new(dns.Msg).SetReply(q)
	reply.RecursionAvailable = true
	extended := q.IsEdns0()
	t := s.table.Load()
	switch c := t.client(network, from); {
	case len(q.Question) != 1:
		reply.Rcode = dns.RcodeFormatError
	case extended != nil && extended.Version() != 0:
		reply.Rcode = dns.RcodeBadVers
	case !t.answer(c, reply):
		reply = s.others(q, reply, transport, c)
	}
	return fit(reply, extended, transport)
}

// others has other servers answer.
func (s *Server) others(q, reply *dns.Msg, transport string, c *client) *dns.Msg {
	servers := c.upstream(s.machine.get)
	if len(servers) == 0 {
		reply.Rcode = dns.RcodeRefused // there is no way out of the client's networks
		return reply
	}
	got, err := s.forward.ask(s.ctx, q, transport, servers)
	if got == nil {
		s.Log.Debug("ask for a name", "name", q.Question[0].Name, "servers", servers, "err", err)
		reply.Rcode = dns.RcodeServerFailure
		return reply
	}
	got.Id = q.Id
	return got
}

// fit makes a reply such that the asker can take it: extended if the question
// was (RFC 6891), and cut off at what the asker has room for.
func fit(reply *dns.Msg, extended *dns.OPT, transport string) *dns.Msg {
	size := dns.MinMsgSize
	if extended != nil {
		if reply.IsEdns0() == nil {
			reply.SetEdns0(largest, extended.Do())
		}
		size = min(max(size, int(extended.UDPSize())), largest)
	}
	if transport == "tcp" {
		size = dns.MaxMsgSize
	}
	reply.Truncate(size)
	return reply
}
