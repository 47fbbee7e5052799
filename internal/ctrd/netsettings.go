package ctrd

import (
	"errors"
	"net/netip"

	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/spec"
)

// settingsOf and madeOf are each other's inverse, as far as spec.Network.Settings
// goes.
func settingsOf(n spec.Network) (network.Settings, error) {
	s := network.Settings{
		NoIPv4: n.NoIPv4, MTU: n.MTU, Internal: n.Internal, Link: n.Link, Apart: n.Apart, NoMasquerade: n.NoMasquerade,
		Driver: n.Driver, Parent: n.Parent, Mode: n.Mode,
	}
	if len(n.Labels) > 0 {
		s.Labels = spec.PairMap(n.Labels)
	}
	var err, err6 error
	s.Pool, err = poolOf(n.Pool)
	if n.IPv6 != nil {
		var six network.Pool
		six, err6 = poolOf(*n.IPv6)
		s.IPv6 = &six
	}
	return s, errors.Join(err, err6)
}

func poolOf(p spec.Pool) (out network.Pool, err error) {
	var errs [3]error
	out.Subnet, errs[0] = optional(netip.ParsePrefix, p.Subnet)
	out.Gateway, errs[1] = optional(netip.ParseAddr, p.Gateway)
	out.Range, errs[2] = optional(netip.ParsePrefix, p.Range)
	for _, r := range p.Reserved {
		a, err := netip.ParseAddr(r.Value)
		if err != nil {
			return out, err
		}
		out.Reserved = append(out.Reserved, network.Reserved{Name: r.Name, Address: a})
	}
	return out, errors.Join(errs[:]...)
}

// optional gives the zero value for no text.
func optional[T any](parse func(string) (T, error), text string) (v T, err error) {
	if text == "" {
		return v, nil
	}
	return parse(text)
}

func madeOf(s network.Settings) spec.Network {
	n := spec.Network{
		Pool: specPool(s.Pool), NoIPv4: s.NoIPv4, MTU: s.MTU, Internal: s.Internal, Link: s.Link, Apart: s.Apart, NoMasquerade: s.NoMasquerade,
		Driver: s.Driver, Parent: s.Parent, Mode: s.Mode,
	}
	if s.IPv6 != nil {
		six := specPool(*s.IPv6)
		n.IPv6 = &six
	}
	return n
}

func specPool(p network.Pool) (out spec.Pool) {
	if p.Subnet.IsValid() {
		out.Subnet = p.Subnet.String()
	}
	if p.Gateway.IsValid() {
		out.Gateway = p.Gateway.String()
	}
	if p.Range.IsValid() {
		out.Range = p.Range.String()
	}
	for _, r := range p.Reserved {
		out.Reserved = append(out.Reserved, spec.Pair{Name: r.Name, Value: r.Address.String()})
	}
	return out
}
