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
	Gateway    netip.Prefix `json:"gateway"`         // the bridge's address
	Address    netip.Prefix `json:"address"`         // the container's
	MAC        string       `json:"mac"`
	BridgeMAC  string       `json:"bridgeMac"`
	MTU        int          `json:"mtu,omitempty"`
	Default    bool         `json:"isDefaultGateway,omitempty"`
}

// List gives the network configuration list (CNI 1.1 section 1) of one
// attachment to the network of that name.
func List(network string, c Conf) ([]byte, error) {
	c.Type = Plugin
	return json.Marshal(struct {
		CNIVersion string `json:"cniVersion"`
		Name       string `json:"name"`
		Plugins    []Conf `json:"plugins"`
	}{Version, network, []Conf{c}})
}
