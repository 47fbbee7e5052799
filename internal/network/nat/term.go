package nat

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Term is one match or verdict, in both its forms: as nft(8) writes it, and as
// the kernel takes it.
type Term struct {
	text  string
	exprs []expr.Any
}

// String gives the term as nft writes it.
func (t Term) String() string { return t.text }

func in(name string) Term     { return link(expr.MetaKeyIIFNAME, "iifname", expr.CmpOpEq, name) }
func inNot(name string) Term  { return link(expr.MetaKeyIIFNAME, "iifname !=", expr.CmpOpNeq, name) }
func outTo(name string) Term  { return link(expr.MetaKeyOIFNAME, "oifname", expr.CmpOpEq, name) }
func outNot(name string) Term { return link(expr.MetaKeyOIFNAME, "oifname !=", expr.CmpOpNeq, name) }

func link(key expr.MetaKey, text string, op expr.CmpOp, name string) Term {
	data := make([]byte, unix.IFNAMSIZ)
	copy(data, name)
	return Term{fmt.Sprintf("%s %q", text, name), []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: op, Register: 1, Data: data},
	}}
}

// The offsets of the addresses in the headers (RFC 791 section 3.1, RFC 8200
// section 3).
const (
	offsetSource       = 12
	offsetDestination  = 16
	offsetSource6      = 8
	offsetDestination6 = 24
)

func source(p netip.Prefix) Term {
	if p.Addr().Is6() {
		return address("ip6 saddr", offsetSource6, p, expr.CmpOpEq)
	}
	return address("ip saddr", offsetSource, p, expr.CmpOpEq)
}

func destination(p netip.Prefix) Term {
	if p.Addr().Is6() {
		return address("ip6 daddr", offsetDestination6, p, expr.CmpOpEq)
	}
	return address("ip daddr", offsetDestination, p, expr.CmpOpEq)
}

func destinationNot(a netip.Addr) Term {
	return address("ip6 daddr !=", offsetDestination6, netip.PrefixFrom(a, a.BitLen()), expr.CmpOpNeq)
}

func address(text string, offset uint32, p netip.Prefix, op expr.CmpOp) Term {
	p = p.Masked()
	bits := p.Addr().BitLen()
	size := uint32(bits / 8)
	exprs := []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size}}
	shown := p.String()
	if p.Bits() < bits {
		exprs = append(exprs, &expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: size, Mask: net.CIDRMask(p.Bits(), bits), Xor: make([]byte, size)})
	} else {
		shown = p.Addr().String()
	}
	return Term{text + " " + shown, append(exprs, &expr.Cmp{Op: op, Register: 1, Data: p.Addr().AsSlice()})}
}

// field is what a packet has at a place of its transport header, in bytes.
type field struct {
	at   uint32
	data []byte
}

func number16(at uint32, n uint16) field { return field{at, binary.BigEndian.AppendUint16(nil, n)} }

// transport matches packets of a protocol that have all these fields.
func transport(protocol byte, fields ...field) []expr.Any {
	out := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
	}
	for _, f := range fields {
		out = append(out,
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: f.at, Len: uint32(len(f.data))}, //nolint:gosec // a few bytes
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: f.data},
		)
	}
	return out
}

// port matches the destination port of a TCP or UDP packet.
func port(protocol string, n uint16) Term {
	l4 := byte(unix.IPPROTO_TCP)
	if protocol == "udp" {
		l4 = unix.IPPROTO_UDP
	}
	return Term{fmt.Sprintf("%s dport %d", protocol, n), transport(l4, number16(2, n))}
}

// unanswered matches what tells a sender that nothing listens at this UDP port
// of ours: the ICMP message has the sender's header (RFC 792 page 4) behind its
// own of 8 bytes.
func unanswered(n uint16, six bool) Term {
	kind, l4, code, header := "icmp type destination-unreachable icmp code port-unreachable", byte(unix.IPPROTO_ICMP), []byte{3, 3}, uint32(20)
	if six { // RFC 4443 section 3.1
		kind, l4, code, header = "icmpv6 type destination-unreachable icmpv6 code port-unreachable", unix.IPPROTO_ICMPV6, []byte{1, 4}, 40
	}
	at := 8 + header + 2 // of the UDP header's second field
	return Term{fmt.Sprintf("%s @th,%d,16 %#x", kind, at*8, n), transport(l4, field{0, code[:1]}, field{1, code[1:]}, number16(at, n))}
}

// refused matches what tells a caller that nothing listens at this TCP port of
// ours: a reset that numbers nothing, as only the answer to a SYN does (RFC 9293
// section 3.5.2). The end of a connection that was is told by others.
func refused(n uint16) Term {
	const number, flags, resetAcknowledges = 4, 13, 0x14 // RFC 9293 section 3.1
	return Term{
		fmt.Sprintf("tcp sport %d tcp sequence 0 tcp flags == %#x", n, resetAcknowledges),
		transport(unix.IPPROTO_TCP, number16(0, n), field{number, make([]byte, 4)}, field{flags, []byte{resetAcknowledges}}),
	}
}

// destinationLocal matches what is meant for an address of this host.
func destinationLocal() Term {
	return Term{"fib daddr type local", []expr.Any{
		&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: native(unix.RTN_LOCAL)},
	}}
}

// established matches packets of a connection that is known already.
func established() Term {
	return bits("ct state established,related", expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)
}

// statusDestinationNAT is IPS_DST_NAT of the kernel's nf_conntrack_common.h.
const statusDestinationNAT = 1 << 5

// translated matches packets of a connection whose destination was rewritten:
// it came by a published port.
func translated() Term { return bits("ct status dnat", expr.CtKeySTATUS, statusDestinationNAT) }

func bits(text string, key expr.CtKey, mask uint32) Term {
	return Term{text, []expr.Any{
		&expr.Ct{Register: 1, Key: key},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: native(mask), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}}
}

func dnat(to netip.AddrPort) Term {
	family := uint32(unix.NFPROTO_IPV4)
	if to.Addr().Is6() {
		family = unix.NFPROTO_IPV6
	}
	return Term{"dnat to " + to.String(), []expr.Any{
		&expr.Immediate{Register: 1, Data: to.Addr().AsSlice()},
		&expr.Immediate{Register: 2, Data: binary.BigEndian.AppendUint16(nil, to.Port())},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: family, RegAddrMin: 1, RegProtoMin: 2},
	}}
}

func masquerade() Term { return Term{"masquerade", []expr.Any{&expr.Masq{}}} }
func accept() Term     { return verdict("accept", expr.VerdictAccept, "") }
func drop() Term       { return verdict("drop", expr.VerdictDrop, "") }
func jump(to string) Term {
	return verdict("jump "+to, expr.VerdictJump, to)
}

func verdict(text string, kind expr.VerdictKind, chain string) Term {
	return Term{text, []expr.Any{&expr.Verdict{Kind: kind, Chain: chain}}}
}

func native(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
