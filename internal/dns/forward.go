package dns

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	patience = 4 * time.Second        // how long a question may take in all
	stagger  = 400 * time.Millisecond // after that the next server is asked as well
	tries    = 2                      // how often each server is asked over UDP: packets get lost
	manyAsks = 512                    // questions on their way at once; more are refused
	dnsPort  = 53
)

var errBusy = errors.New("too many questions are on their way")

// forwarder asks other servers.
type forwarder struct {
	slots chan struct{}
	port  uint16 // of those servers
}

func newForwarder() *forwarder {
	return &forwarder{slots: make(chan struct{}, manyAsks), port: dnsPort}
}

// ask puts a question to the servers in their order, the next one whenever one
// has not answered soon, or badly, and gives the first good answer; if there is
// none, the first bad one.
func (f *forwarder) ask(ctx context.Context, question *dns.Msg, transport string, servers []netip.Addr) (*dns.Msg, error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	default:
		return nil, errBusy
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	turns := f.turns(transport, servers)
	answers := make(chan outcome, len(turns))
	var out outcome
	next := time.NewTimer(0)
	defer next.Stop()
	for begun, over := 0, 0; over < len(turns); {
		select {
		case <-ctx.Done():
			return out.reply, errors.Join(out.err, ctx.Err())
		case <-next.C:
			if begun < len(turns) {
				go exchange(ctx, question, transport, turns[begun], answers)
				begun++
				next.Reset(stagger)
			}
		case o := <-answers:
			if over++; o.good() {
				return o.reply, nil
			}
			if out.reply == nil {
				out = o
			}
			next.Reset(0)
		}
	}
	return out.reply, out.err
}

// turns are whom to ask, one after the other.
func (f *forwarder) turns(transport string, servers []netip.Addr) (out []netip.AddrPort) {
	rounds := tries
	if transport == "tcp" {
		rounds = 1
	}
	for range rounds {
		for _, s := range servers {
			out = append(out, netip.AddrPortFrom(s, f.port))
		}
	}
	return out
}

// outcome is what came of asking one server.
type outcome struct {
	reply *dns.Msg
	err   error
}

// good says whether the server has said something of the name; others need not
// be asked then.
func (o outcome) good() bool {
	return o.err == nil && (o.reply.Rcode == dns.RcodeSuccess || o.reply.Rcode == dns.RcodeNameError)
}

func exchange(ctx context.Context, question *dns.Msg, transport string, server netip.AddrPort, answers chan<- outcome) {
	q := question.Copy()
	q.Id = dns.Id() // not the asker's: nobody shall guess it
	c := dns.Client{Net: transport, Timeout: patience}
	conn, err := c.DialContext(ctx, server.String())
	if err != nil {
		answers <- outcome{err: err}
		return
	}
	closed := sync.OnceValue(conn.Close)
	defer context.AfterFunc(ctx, func() { _ = closed() })() // nobody waits any more
	reply, _, err := c.ExchangeWithConnContext(ctx, q, conn)
	_ = closed()
	answers <- outcome{reply, err}
}
