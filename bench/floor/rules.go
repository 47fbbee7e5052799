package main

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	tableName = "floor"
	published = 5     // so many containers have a published port
	hostPort  = 28080 // of the first
	target    = 80    // port in the container
)

var table = &nftables.Table{Family: nftables.TableFamilyIPv4, Name: tableName}

// makeTable makes, in one transaction, the rules by which containers reach out
// and the first n of them are reached.
func makeTable(n int) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	c.AddTable(table)
	out := c.AddChain(&nftables.Chain{
		Table: table, Name: "postrouting", Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	c.AddRule(&nftables.Rule{Table: table, Chain: out, Exprs: masquerade()})
	for name, hook := range map[string]*nftables.ChainHook{"prerouting": nftables.ChainHookPrerouting, "output": nftables.ChainHookOutput} {
		in := c.AddChain(&nftables.Chain{
			Table: table, Name: name, Type: nftables.ChainTypeNAT,
			Hooknum: hook, Priority: nftables.ChainPriorityNATDest,
		})
		for i := range n {
			c.AddRule(&nftables.Rule{Table: table, Chain: in, Exprs: publish(i)})
		}
	}
	return c.Flush()
}

func removeTable() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	c.AddTable(table) // so that deleting it cannot fail
	c.DelTable(table)
	return c.Flush()
}

// masquerade gives what leaves the subnet by another link the host's address.
func masquerade() []expr.Any {
	const sourceOffset = 12 // in an IPv4 header
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, bridgeName)
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: sourceOffset, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: subnet(0).Mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: address(0)},
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: name},
		&expr.Masq{},
	}
}

// publish sends the host's port of container i to it.
func publish(i int) []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.NativeEndian.AppendUint32(nil, unix.RTN_LOCAL)},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, uint16(hostPort+i))},
		&expr.Immediate{Register: 1, Data: address(containerHost(i))},
		&expr.Immediate{Register: 2, Data: binary.BigEndian.AppendUint16(nil, target)},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2},
	}
}
