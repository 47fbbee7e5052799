package bridge

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/vishvananda/netns"
)

// settings writes what the kernel shall keep for the interface. Only who asks
// for one pays for it: the kernel shows these files to a thread that is inside.
func settings(a Attachment, ns netns.NsHandle) error {
	wanted := map[string]string{}
	if a.Address6.IsValid() {
		wanted["net.ipv6.conf.IFNAME.disable_ipv6"] = "0"
		wanted["net.ipv6.conf.IFNAME.accept_ra"] = "0" // its addresses and routes are given by us
		wanted["net.ipv6.conf.IFNAME.accept_dad"] = "0"
	}
	maps.Copy(wanted, a.Sysctls)
	if len(wanted) == 0 {
		return nil
	}
	done := make(chan error)
	go func() { done <- writeInside(a.Inside(), wanted, ns) }()
	return <-done
}

// writeInside keeps its thread locked: it ends with the goroutine, and nobody
// else runs in a namespace that is not his.
func writeInside(name string, wanted map[string]string, ns netns.NsHandle) error {
	runtime.LockOSThread()
	if err := netns.Set(ns); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		parts := strings.Split(key, ".")
		for i, p := range parts {
			if p == "IFNAME" {
				parts[i] = name // which may have dots of its own
			}
		}
		path := filepath.Join("/proc/sys", filepath.Join(parts...))
		if err := os.WriteFile(path, []byte(wanted[key]), 0o644); err != nil { //nolint:forbidigo // a kernel setting, no file
			return fmt.Errorf("set %s of %s: %w", key, name, err)
		}
	}
	return nil
}
