package box

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// loopback takes the box's lo up.
func loopback() error {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("take lo up: %w", err)
	}
	return nil
}
