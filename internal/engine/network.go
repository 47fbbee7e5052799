package engine

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// checkNetwork tries what stacks' networks are made of, in a network namespace
// that nobody else sees and that is gone afterwards.
func checkNetwork() error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			result <- err
			return
		}
		defer func() { _ = home.Close() }() // only a handle
		err = tryNetwork()
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			// Still locked, the thread ends with the goroutine.
			result <- errors.Join(err, back)
			return
		}
		runtime.UnlockOSThread()
		result <- err
	}()
	return <-result
}

func tryNetwork() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("the engine needs to make network namespaces: %w", err)
	}
	links := []netlink.Link{
		&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "probe0"}},
		&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "probe1"}, PeerName: "probe2"},
	}
	for _, l := range links {
		if err := netlink.LinkAdd(l); err != nil {
			return fmt.Errorf("the engine needs the kernel feature %s (modprobe %s): %w", l.Type(), l.Type(), err)
		}
	}
	return tryNftables()
}

// tryNftables adds a table and a NAT chain, as publishing ports does.
func tryNftables() error {
	conn, err := nftables.New()
	if err == nil {
		table := conn.AddTable(&nftables.Table{Name: "probe", Family: nftables.TableFamilyINet})
		conn.AddChain(&nftables.Chain{
			Name: "probe", Table: table, Type: nftables.ChainTypeNAT,
			Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
		})
		err = conn.Flush()
	}
	if err != nil {
		return fmt.Errorf("the engine needs the kernel features nf_tables and nft_nat (modprobe nf_tables nft_chain_nat): %w", err)
	}
	return nil
}
