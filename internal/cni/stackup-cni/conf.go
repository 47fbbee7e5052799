package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"

	"github.com/containernetworking/cni/pkg/skel"

	"stackup.dev/stackup/internal/network/bridge"
)

// conf mirrors cni.Conf, which this program does not import: that package
// brings in go-cni, and the start of the process is most of what we cost.
type conf struct {
	CNIVersion string       `json:"cniVersion"`
	Bridge     string       `json:"bridge"`
	Alias      string       `json:"alias"`
	Gateway    netip.Prefix `json:"gateway"`
	Address    netip.Prefix `json:"address"`
	MAC        string       `json:"mac"`
	BridgeMAC  string       `json:"bridgeMac"`
	MTU        int          `json:"mtu"`
	Default    bool         `json:"isDefaultGateway"`
}

func read(args *skel.CmdArgs) (conf, bridge.Attachment, error) {
	var c conf
	if err := json.Unmarshal(args.StdinData, &c); err != nil {
		return conf{}, bridge.Attachment{}, fmt.Errorf("read configuration: %w", err)
	}
	if c.Bridge == "" || !c.Gateway.IsValid() {
		return conf{}, bridge.Attachment{}, fmt.Errorf("configuration lacks bridge or gateway")
	}
	return c, bridge.Attachment{
		Bridge:    bridge.Spec{Name: c.Bridge, Alias: c.Alias, Gateway: c.Gateway, MAC: c.BridgeMAC, MTU: c.MTU},
		Container: args.ContainerID,
		Interface: args.IfName,
		Address:   c.Address,
		MAC:       c.MAC,
		Default:   c.Default,
	}, nil
}

func everywhere() netip.Prefix { return netip.PrefixFrom(netip.IPv4Unspecified(), 0) }

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}
