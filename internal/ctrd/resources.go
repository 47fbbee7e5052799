package ctrd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/containerd/cgroups/v3"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/spec"
)

// cpuPeriod is the period that a number of cores is measured in, microseconds.
const cpuPeriod = 100_000

// withResources sets the limits of the container's control group. Rules for
// devices are there already, and stay.
func withResources(r spec.Resources, f spec.FixedResources) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		made, err := linuxResources(r)
		if err != nil {
			return err
		}
		fix(made, f)
		if s.Linux.Resources != nil {
			made.Devices = s.Linux.Resources.Devices
		}
		s.Linux.Resources = made
		return nil
	}
}

// linuxResources gives limits in the terms of the OCI runtime specification
// (config-linux, "Control groups"), which the runtime translates for control
// groups of version 2.
func linuxResources(r spec.Resources) (*specs.LinuxResources, error) {
	out := &specs.LinuxResources{Pids: pidsOf(r.Pids, hasController("pids")), CPU: cpuOf(r), Memory: memoryOf(r)}
	var err error
	out.BlockIO, err = blockIO(r)
	return out, err
}

func cpuOf(r spec.Resources) *specs.LinuxCPU {
	c := &specs.LinuxCPU{Cpus: r.CPUSet}
	set(&c.Shares, r.CPUShares)
	set(&c.Period, r.CPUPeriod)
	set(&c.Quota, r.CPUQuota)
	if r.CPUs > 0 {
		period := r.CPUPeriod
		if period == 0 {
			period = cpuPeriod
		}
		set(&c.Period, period)
		set(&c.Quota, int64(math.Round(r.CPUs*float64(period))))
	}
	if *c == (specs.LinuxCPU{}) {
		return nil
	}
	return c
}

// memoryOf doubles the limit for memory and swap together where the file says
// nothing of swap and the kernel counts it, as Docker does.
func memoryOf(r spec.Resources) *specs.LinuxMemory {
	m := &specs.LinuxMemory{}
	set(&m.Limit, r.Memory)
	set(&m.Reservation, r.MemoryReservation)
	swap := r.MemorySwap
	if swap == 0 && r.Memory > 0 && countsSwap() {
		swap = 2 * r.Memory
	}
	set(&m.Swap, swap)
	if *m == (specs.LinuxMemory{}) {
		return nil
	}
	return m
}

// fix adds what is set once.
func fix(r *specs.LinuxResources, f spec.FixedResources) {
	if f.CPURTPeriod != 0 || f.CPURTRuntime != 0 {
		if r.CPU == nil {
			r.CPU = &specs.LinuxCPU{}
		}
		set(&r.CPU.RealtimePeriod, f.CPURTPeriod)
		set(&r.CPU.RealtimeRuntime, f.CPURTRuntime)
	}
	if f.MemorySwappiness != nil || f.OOMKillDisable {
		if r.Memory == nil {
			r.Memory = &specs.LinuxMemory{}
		}
		r.Memory.Swappiness = f.MemorySwappiness
		set(&r.Memory.DisableOOMKiller, f.OOMKillDisable)
	}
}

// countsSwap says whether control groups limit swap here. The root of version 2
// has no such file; the groups below it have.
func countsSwap() bool {
	path := cgroupRoot + "/memory/memory.memsw.limit_in_bytes"
	if cgroups.Mode() == cgroups.Unified {
		path = cgroupRoot + "/*/memory.swap.max"
	}
	found, _ := filepath.Glob(path) // the pattern is good
	return len(found) > 0
}

// set leaves the pointer nil for a zero value, which means "not asked for".
func set[T comparable](into **T, v T) {
	var zero T
	if v != zero {
		*into = &v
	}
}

func blockIO(r spec.Resources) (*specs.LinuxBlockIO, error) {
	b, some := &specs.LinuxBlockIO{}, r.BlkioWeight != 0
	set(&b.Weight, r.BlkioWeight)
	for _, w := range r.BlkioWeights {
		major, minor, err := blockDevice(w.Path)
		if err != nil {
			return nil, err
		}
		weight := uint16(w.Rate) //nolint:gosec // at most 1000
		d := specs.LinuxWeightDevice{Weight: &weight}
		d.Major, d.Minor = major, minor
		b.WeightDevice, some = append(b.WeightDevice, d), true
	}
	for _, t := range []struct {
		from []spec.BlkioPer
		into *[]specs.LinuxThrottleDevice
	}{
		{r.BlkioReadBps, &b.ThrottleReadBpsDevice},
		{r.BlkioWriteBps, &b.ThrottleWriteBpsDevice},
		{r.BlkioReadIOps, &b.ThrottleReadIOPSDevice},
		{r.BlkioWriteIOps, &b.ThrottleWriteIOPSDevice},
	} {
		for _, v := range t.from {
			major, minor, err := blockDevice(v.Path)
			if err != nil {
				return nil, err
			}
			d := specs.LinuxThrottleDevice{Rate: v.Rate}
			d.Major, d.Minor = major, minor
			*t.into, some = append(*t.into, d), true
		}
	}
	if !some {
		return nil, nil
	}
	return b, nil
}

func blockDevice(path string) (major, minor int64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, fmt.Errorf("blkio_config: device %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return 0, 0, fmt.Errorf("blkio_config: %w", errors.New(path+" is not a block device"))
	}
	return int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev)), nil //nolint:unconvert // differs by architecture
}
