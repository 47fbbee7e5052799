package ctrd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/spec"
)

// hasController reports whether control groups limit a resource here. name is the
// controller's on version 2 (kernel, Documentation/admin-guide/cgroup-v2.rst).
func hasController(name string) bool { return slices.Contains(hostControllers(), name) }

var hostControllers = sync.OnceValue(func() []string { return controllersAt(cgroupRoot) })

// controllersAt lists the controllers below the place where control groups are
// mounted. Version 2 names them in a file. Version 1 has a folder for each, where
// io is called blkio.
func controllersAt(root string) (out []string) {
	if b, err := os.ReadFile(filepath.Join(root, "cgroup.controllers")); err == nil {
		return strings.Fields(string(b))
	}
	for _, c := range []struct{ name, folder string }{
		{"cpu", "cpu"}, {"cpuset", "cpuset"}, {"io", "blkio"}, {"memory", "memory"}, {"pids", "pids"},
	} {
		if _, err := os.Stat(filepath.Join(root, c.folder)); err == nil {
			out = append(out, c.name)
		}
	}
	return out
}

// pidsOf bounds the number of processes. Without a controller no bound is written: not
// the default, nor -1, which asks for none. One that is asked for has been refused by
// then (uncontrolled).
func pidsOf(asked int64, controller bool) *specs.LinuxPids {
	if !controller {
		return nil
	}
	limit := asked
	if limit == 0 {
		limit = pidsLimit
	}
	return &specs.LinuxPids{Limit: &limit}
}

// uncontrolled names the fields that ask for a limit, with the controller that this
// machine lacks for it.
func uncontrolled(r spec.Resources, has func(controller string) bool) (out []string) {
	for _, c := range []struct {
		field, controller string
		asked             bool
	}{
		{"cpus", "cpu", r.CPUs != 0},
		{"cpu_shares", "cpu", r.CPUShares != 0},
		{"cpu_period", "cpu", r.CPUPeriod != 0},
		{"cpu_quota", "cpu", r.CPUQuota != 0},
		{"cpuset", "cpuset", r.CPUSet != ""},
		{"mem_limit", "memory", r.Memory != 0},
		{"mem_reservation", "memory", r.MemoryReservation != 0},
		{"memswap_limit", "memory", r.MemorySwap > 0},
		{"pids_limit", "pids", r.Pids > 0},
		{"blkio_config", "io", limitsIO(r)},
	} {
		if c.asked && !has(c.controller) {
			out = append(out, c.field+": this machine's control groups have no "+c.controller+" controller; enable it, or take the limit out of the file")
		}
	}
	return out
}

func limitsIO(r spec.Resources) bool {
	return r.BlkioWeight != 0 || len(r.BlkioWeights)+len(r.BlkioReadBps)+len(r.BlkioWriteBps)+len(r.BlkioReadIOps)+len(r.BlkioWriteIOps) > 0
}
