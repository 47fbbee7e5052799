package nat

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
)

// bufferSize is room for the answers to a table of some ten thousand rules.
// It is a limit, not memory: the kernel takes only what waits.
const bufferSize = 32 << 20

// Kernel is the way to the kernel's nftables, of the network namespace that it
// was first used in. It keeps its socket: to close one after a transaction
// that deleted something makes the kernel wait until no packet can still see
// what was deleted, 15 ms against the 1 ms of the transaction itself.
// The zero Kernel is ready; it may be used from many goroutines.
type Kernel struct {
	mu     sync.Mutex
	conn   *nftables.Conn
	asking *netlink.Conn // for questions beside a transaction
	known  known
}

// Swap makes the kernel's tables be exactly r, in one transaction: a packet
// meets the old ones or the new ones. A family without chains has no table
// after. It works whether the table is there or not.
func (k *Kernel) Swap(r Ruleset) error {
	return k.use(func(c *nftables.Conn) error {
		replace(c, nftables.TableFamilyIPv4, r.Table, r.Chains)
		if len(r.Chains6) > 0 || hasIPv6() {
			replace(c, nftables.TableFamilyIPv6, r.Table, r.Chains6)
		}
		if err := k.flush(c, r.String()); err != nil {
			return fmt.Errorf("swap nftables table %s: %w", r.Table, err)
		}
		return nil
	})
}

func replace(c *nftables.Conn, family nftables.TableFamily, name string, chains []Chain) {
	t := &nftables.Table{Family: family, Name: name}
	c.AddTable(t) // so that deleting it cannot fail
	c.DelTable(t)
	if len(chains) > 0 {
		c.AddTable(t)
		add(c, t, chains)
	}
}

// hasIPv6 says whether the kernel has IPv6 at all; without it, it may know no
// tables for it either.
func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6")
	return err == nil
}

// Close closes the socket. The next use opens another.
func (k *Kernel) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.close()
}

// use calls f with an open socket. After an error the socket may still hold
// answers that nobody read, so it is not used again.
func (k *Kernel) use(f func(*nftables.Conn) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn == nil {
		c, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(buffers))
		if err != nil {
			return fmt.Errorf("open nftables: %w", err)
		}
		k.conn = c
	}
	err := f(k.conn)
	if err != nil {
		k.known = known{}
		err = errors.Join(err, k.close())
	}
	return err
}

func (k *Kernel) close() error {
	err := k.closeAsking()
	if k.conn == nil {
		return err
	}
	c := k.conn
	k.conn = nil
	return errors.Join(err, c.CloseLasting())
}

func buffers(s *netlink.Conn) error {
	return errors.Join(s.SetReadBuffer(bufferSize), s.SetWriteBuffer(bufferSize))
}

// add makes all chains before any rule, as rules jump to chains.
func add(c *nftables.Conn, t *nftables.Table, chains []Chain) {
	made := make([]*nftables.Chain, len(chains))
	for i, ch := range chains {
		made[i] = c.AddChain(kernelChain(t, ch))
	}
	for i, ch := range chains {
		for _, r := range ch.Rules {
			c.AddRule(kernelRule(t, made[i], r))
		}
	}
}

func kernelChain(t *nftables.Table, c Chain) *nftables.Chain {
	out := &nftables.Chain{Table: t, Name: c.Name}
	if c.Hook == "" {
		return out
	}
	policy := nftables.ChainPolicyAccept
	out.Type = nftables.ChainType(c.Type)
	out.Hooknum = hook(c.Hook)
	out.Priority = nftables.ChainPriorityRef(nftables.ChainPriority(c.Priority))
	out.Policy = &policy
	return out
}

func hook(name string) *nftables.ChainHook {
	switch name {
	case "prerouting":
		return nftables.ChainHookPrerouting
	case "output":
		return nftables.ChainHookOutput
	case "forward":
		return nftables.ChainHookForward
	case "postrouting":
		return nftables.ChainHookPostrouting
	}
	panic("nat: unknown hook " + name) // a bug: Render names the hooks
}

func kernelRule(t *nftables.Table, c *nftables.Chain, r Rule) *nftables.Rule {
	var exprs []expr.Any
	for _, term := range r.Terms {
		exprs = append(exprs, term.exprs...)
	}
	return &nftables.Rule{Table: t, Chain: c, Exprs: exprs, UserData: r.userData()}
}
