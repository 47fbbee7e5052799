package nat

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// known is a state of the kernel's rules that we have made.
type known struct {
	table      string // text of our table; empty: nothing is known
	generation uint32
}

// Holds says whether the kernel's rules are still as the last Swap, which was
// to r, and the Coexist after it left them: nobody has changed any since.
func (k *Kernel) Holds(r Ruleset) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known.table == "" || k.known.table != r.String() {
		return false
	}
	now, err := k.generation()
	return err == nil && now == k.known.generation
}

// flush makes one transaction, of which the table of that text is the outcome.
// It is known only if nobody else's came between.
func (k *Kernel) flush(c *nftables.Conn, table string) error {
	k.known = known{}
	before, err1 := k.generation()
	if err := c.Flush(); err != nil {
		return err
	}
	after, err2 := k.generation()
	if err1 == nil && err2 == nil && after == before+1 {
		k.known = known{table: table, generation: after}
	}
	return nil
}

// stillKnown is the text of our table if nobody has touched any rule since we
// swapped it in.
func (k *Kernel) stillKnown() string {
	now, err := k.generation()
	if err != nil || now != k.known.generation {
		return ""
	}
	return k.known.table
}

// Generation is the number of the present state of the kernel's rules, our own
// and all others'. A difference tells how many transactions there were.
func (k *Kernel) Generation() (uint32, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.generation()
}

// generation asks for the number that the kernel gives to the state of its
// rules: every transaction, whoever makes it, raises it by one (nf_tables.h,
// NFT_MSG_GETGEN).
func (k *Kernel) generation() (uint32, error) {
	if k.asking == nil {
		c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		if err != nil {
			return 0, fmt.Errorf("open nftables: %w", err)
		}
		k.asking = c
	}
	answers, err := k.asking.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
		Data:   []byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, 0}, // struct nfgenmsg
	})
	if err != nil {
		return 0, errors.Join(fmt.Errorf("ask for the generation of nftables: %w", err), k.closeAsking())
	}
	for _, m := range answers {
		if id, ok := generationOf(m.Data); ok {
			return id, nil
		}
	}
	return 0, errors.New("the kernel does not tell the generation of its nftables")
}

func generationOf(data []byte) (id uint32, ok bool) {
	if len(data) < 4 {
		return 0, false
	}
	d, err := netlink.NewAttributeDecoder(data[4:])
	if err != nil {
		return 0, false
	}
	d.ByteOrder = binary.BigEndian
	for d.Next() {
		if d.Type() == unix.NFTA_GEN_ID {
			id, ok = d.Uint32(), true
		}
	}
	return id, ok && d.Err() == nil
}

func (k *Kernel) closeAsking() error {
	if k.asking == nil {
		return nil
	}
	c := k.asking
	k.asking = nil
	return c.Close()
}
