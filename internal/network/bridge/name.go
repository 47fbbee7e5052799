// Package bridge makes and removes the links of our networks by netlink: one
// bridge per network, one veth pair per attachment. Everything may be repeated
// and everything is found again by name alone, so nothing must be remembered.
package bridge

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// Prefixes of link names. A link name has at most 15 characters.
const (
	prefixBridge = "su"
	prefixVeth   = "sv"
)

// Name gives the link name of a network's bridge. world keeps two installations
// apart: the root folder.
func Name(world, network string) string { return name(prefixBridge, world, network) }

// VethName gives the name of the host's end of an attachment.
func VethName(bridge, container, ifname string) string {
	return name(prefixVeth, bridge, container, ifname)
}

func name(prefix string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
}
