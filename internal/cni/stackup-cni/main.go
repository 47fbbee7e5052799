// Command stackup-cni is stackup's CNI plugin: it joins a network namespace
// to a bridge. It is one short process that speaks netlink only, runs no other
// program, keeps no state and chooses nothing: addresses, names and the bridge
// are in its configuration.
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"

	"stackup.dev/stackup/internal/network/bridge"
)

func main() {
	skel.PluginMainFuncs(skel.CNIFuncs{Add: add, Del: del, Check: check, GC: gc, Status: status},
		version.PluginSupports("1.0.0", "1.1.0"), "stackup-cni: joins a network namespace to a bridge")
}

// add implements ADD. It may be repeated: what is stale is replaced.
func add(args *skel.CmdArgs) error {
	c, a, err := read(args)
	if err != nil {
		return err
	}
	if err := bridge.Attach(a, args.Netns); err != nil {
		return err
	}
	return types.PrintResult(result(a, args.Netns), c.CNIVersion)
}

// del implements DEL: succeeds when all is gone already.
func del(args *skel.CmdArgs) error {
	_, a, err := read(args)
	if err != nil {
		return err
	}
	return bridge.Remove(a.HostSide())
}

// check implements CHECK.
func check(args *skel.CmdArgs) error {
	_, a, err := read(args)
	if err != nil {
		return err
	}
	return bridge.Check(a, args.Netns)
}

// gc implements GC: removes ports of the bridge that no valid attachment has.
func gc(args *skel.CmdArgs) error {
	c, _, err := read(args)
	if err != nil {
		return err
	}
	var conf types.PluginConf
	if err := json.Unmarshal(args.StdinData, &conf); err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	keep := map[string]bool{}
	for _, v := range conf.ValidAttachments {
		keep[bridge.VethName(cmp.Or(c.Seed, c.Bridge), v.ContainerID, v.IfName)] = true
	}
	return bridge.Sweep(c.Bridge, keep)
}

// status implements STATUS: the plugin needs nothing but the kernel.
func status(args *skel.CmdArgs) error {
	_, _, err := read(args)
	return err
}

func result(a bridge.Attachment, netns string) *types100.Result {
	r := &types100.Result{
		CNIVersion: types100.ImplementedSpecVersion,
		Interfaces: []*types100.Interface{
			{Name: a.HostSide()},
			{Name: a.Inside(), Mac: a.MAC, Mtu: a.Bridge.MTU, Sandbox: netns},
		},
	}
	add := func(address, gateway netip.Prefix, way bool, all netip.Addr) {
		if !address.IsValid() {
			return
		}
		inside := 1
		gw := gateway.Addr().AsSlice()
		r.IPs = append(r.IPs, &types100.IPConfig{Interface: &inside, Address: *ipNet(address), Gateway: gw})
		if way {
			r.Routes = append(r.Routes, &types.Route{Dst: *ipNet(netip.PrefixFrom(all, 0)), GW: gw})
		}
	}
	add(a.Address, a.Bridge.Gateway, a.Default, netip.IPv4Unspecified())
	add(a.Address6, a.Bridge.Gateway6, a.Default6, netip.IPv6Unspecified())
	return r
}
