// Package cni attaches containers to networks through CNI (the Container
// Network Interface specification, version 1.1), by means of go-cni.
package cni

import (
	"encoding/json"
	"net/netip"
)

// Plugin is the name of our own plugin program.
const Plugin = "stackup-cni"

// Version is the version of the CNI specification that we speak.
const Version = "1.1.0"

// Conf is the configuration of our plugin for one attachment. Everything is
// chosen by us beforehand: the plugin decides nothing and keeps no state.
type Conf struct {
	CNIVersion string       `json:"cniVersion,omitempty"`
	Name       string       `json:"name,omitempty"` // network name
	Type       string       `json:"type"`
	Bridge     string       `json:"bridge"`
	Alias      string       `json:"alias,omitempty"` // of the bridge, for humans
	Gateway    netip.Prefix `json:"gateway"`         // the bridge's address; empty for no IPv4
	Address    netip.Prefix `json:"address"`         // the container's
	MAC        string       `json:"mac"`
	BridgeMAC  string       `json:"bridgeMac"`
	MTU        int          `json:"mtu,omitempty"`
	Default    bool         `json:"isDefaultGateway,omitempty"`

	Gateway6  netip.Prefix      `json:"gateway6,omitzero"` // as those of IPv4
	Address6  netip.Prefix      `json:"address6,omitzero"`
	Default6  bool              `json:"isDefaultGateway6,omitempty"`
	Seed      string            `json:"seed,omitempty"`      // what links are named after, if not the bridge
	Apart     bool              `json:"apart,omitempty"`     // it reaches no other port of the bridge
	Interface string            `json:"interface,omitempty"` // in the container, if not CNI_IFNAME
	LinkLocal []netip.Prefix    `json:"linkLocal,omitempty"`
	Sysctls   map[string]string `json:"sysctls,omitempty"` // of the interface, by names with IFNAME for it
}

// OnWire is the configuration of one of the standard plugins macvlan and ipvlan,
// for one attachment.
type OnWire struct {
	Type   string `json:"type"`
	Master string `json:"master"`
	Mode   string `json:"mode,omitempty"`
	MTU    int    `json:"mtu,omitempty"`
	MAC    string `json:"mac,omitempty"`
	IPAM   Static `json:"ipam"`
}

// Static is the configuration of the standard plugin static, which gives out what
// we have chosen.
type Static struct {
	Type      string          `json:"type"`
	Addresses []StaticAddress `json:"addresses"`
}

// StaticAddress is one address for it.
type StaticAddress struct {
	Address netip.Prefix `json:"address"`
}

// List gives the network configuration list (CNI 1.1 section 1) of one
// attachment.
func List(n Network) ([]byte, error) {
	n.Conf.Type = Plugin
	var plugin any = n.Conf
	if n.OnWire != nil {
		plugin = *n.OnWire
	}
	return json.Marshal(struct {
		CNIVersion string `json:"cniVersion"`
		Name       string `json:"name"`
		Plugins    []any  `json:"plugins"`
	}{Version, n.Name, []any{plugin}})
}
