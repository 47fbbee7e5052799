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

	Gateway6  netip.Prefix      `json:"gateway6"`
	Address6  netip.Prefix      `json:"address6"`
	Default6  bool              `json:"isDefaultGateway6"`
	Seed      string            `json:"seed"`
	Apart     bool              `json:"apart"`
	Interface string            `json:"interface"`
	LinkLocal []netip.Prefix    `json:"linkLocal"`
	Sysctls   map[string]string `json:"sysctls"`
}

func read(args *skel.CmdArgs) (conf, bridge.Attachment, error) {
	var c conf
	if err := json.Unmarshal(args.StdinData, &c); err != nil {
		return conf{}, bridge.Attachment{}, fmt.Errorf("read configuration: %w", err)
	}
	if c.Bridge == "" || !c.Gateway.IsValid() && !c.Gateway6.IsValid() {
		return conf{}, bridge.Attachment{}, fmt.Errorf("configuration lacks bridge or gateway")
	}
	return c, bridge.Attachment{
		Bridge: bridge.Spec{
			Name: c.Bridge, Alias: c.Alias, Gateway: c.Gateway, Gateway6: c.Gateway6, MAC: c.BridgeMAC, MTU: c.MTU,
			Apart: c.Apart, Seed: c.Seed,
		},
		Container: args.ContainerID,
		Slot:      args.IfName,
		Interface: c.Interface,
		Address:   c.Address,
		Address6:  c.Address6,
		MAC:       c.MAC,
		Default:   c.Default,
		Default6:  c.Default6,
		LinkLocal: c.LinkLocal,
		Sysctls:   c.Sysctls,
	}, nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
