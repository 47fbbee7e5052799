package spec

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"
)

// resources joins the service's own limits with those of deploy, which must
// not contradict each other (Compose Specification, "deploy", resources).
func (c *converter) resources(cfg types.ServiceConfig) Resources {
	r := Resources{
		CPUs: cores(cfg.CPUS), CPUSet: cfg.CPUSet,
		CPUShares: c.unsigned("cpu_shares", cfg.CPUShares), CPUPeriod: c.unsigned("cpu_period", cfg.CPUPeriod), CPUQuota: cfg.CPUQuota,
		Memory: int64(cfg.MemLimit), MemoryReservation: int64(cfg.MemReservation), MemorySwap: int64(cfg.MemSwapLimit),
		Pids: cfg.PidsLimit,
	}
	c.blkio(cfg.BlkioConfig, &r)
	if d := cfg.Deploy; d != nil {
		c.limits(d.Resources.Limits, &r)
		c.reservations(d.Resources.Reservations, &r)
	}
	c.checkResources(r)
	return r
}

// cores is the number as it was written: 0.7, and not what is nearest to that
// among the library's numbers of 32 bits.
func cores(n float32) float64 {
	f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(n), 'g', -1, 32), 64) // its own form
	return f
}

func (c *converter) fixedResources(cfg types.ServiceConfig) FixedResources {
	f := FixedResources{
		CPURTPeriod: c.unsigned("cpu_rt_period", cfg.CPURTPeriod), CPURTRuntime: cfg.CPURTRuntime, OOMKillDisable: cfg.OomKillDisable,
	}
	if period := f.RealtimePeriod(); f.CPURTRuntime < 0 || f.CPURTRuntime > period {
		c.problem("cpu_rt_runtime", "%d is not between 0 and its period, %d", f.CPURTRuntime, period)
	}
	if n := int64(cfg.MemSwappiness); n != 0 || c.unswapped[cfg.Name] {
		u := c.unsigned("mem_swappiness", n)
		f.MemorySwappiness = &u
		if u > 100 {
			c.problem("mem_swappiness", "%d is not between 0 and 100", u)
		}
	}
	return f
}

// minDisk is what a file system needs to be of use.
const minDisk = 4 << 20

// diskSize is what storage_opt says; size is the one option that is not of one of
// Docker's storage drivers alone.
func (c *converter) diskSize(options map[string]string) int64 {
	var size int64
	for _, o := range sortedPairs(options) {
		attr := "storage_opt." + o.Name
		if o.Name != "size" {
			c.problem(attr, "is of a storage driver that is not used here; size alone is known")
			continue
		}
		var err error
		if size, err = units.RAMInBytes(o.Value); err != nil || size < minDisk {
			c.problem(attr, "%q is not a size of at least 4m", printable(o.Value))
		}
	}
	return size
}

func (c *converter) unsigned(attr string, n int64) uint64 {
	if n < 0 {
		c.problem(attr, "%d is less than nothing", n)
		return 0
	}
	return uint64(n)
}

// limits fills in what the service itself does not say.
func (c *converter) limits(l *types.Resource, r *Resources) {
	if l == nil {
		return
	}
	c.agree("cpus", "deploy.resources.limits.cpus", r.CPUs, cores(float32(l.NanoCPUs)))
	c.agree("mem_limit", "deploy.resources.limits.memory", float64(r.Memory), float64(l.MemoryBytes))
	c.agree("pids_limit", "deploy.resources.limits.pids", float64(r.Pids), float64(l.Pids))
	r.CPUs = cmp.Or(r.CPUs, cores(float32(l.NanoCPUs)))
	r.Memory = cmp.Or(r.Memory, int64(l.MemoryBytes))
	r.Pids = cmp.Or(r.Pids, l.Pids)
}

func (c *converter) reservations(l *types.Resource, r *Resources) {
	if l == nil {
		return
	}
	c.agree("mem_reservation", "deploy.resources.reservations.memory", float64(r.MemoryReservation), float64(l.MemoryBytes))
	r.MemoryReservation = cmp.Or(r.MemoryReservation, int64(l.MemoryBytes))
	if want := cores(float32(l.NanoCPUs)); want > 0 && r.CPUShares == 0 {
		r.CPUShares = uint64(want * 1024) // what a core's share is, control groups version 1
	}
}

func (c *converter) agree(attr, other string, a, b float64) {
	if a != 0 && b != 0 && a != b {
		c.problem(attr, "it is %g, but %s is %g", a, other, b)
	}
}

func (c *converter) blkio(b *types.BlkioConfig, r *Resources) {
	if b == nil {
		return
	}
	r.BlkioWeight = b.Weight
	c.weight("weight", b.Weight)
	for _, w := range b.WeightDevice {
		c.weight("weight_device", w.Weight)
		r.BlkioWeights = append(r.BlkioWeights, BlkioPer{w.Path, uint64(w.Weight)})
	}
	r.BlkioReadBps, r.BlkioWriteBps = throttles(b.DeviceReadBps), throttles(b.DeviceWriteBps)
	r.BlkioReadIOps, r.BlkioWriteIOps = throttles(b.DeviceReadIOps), throttles(b.DeviceWriteIOps)
	for attr, list := range map[string][]types.ThrottleDevice{
		"device_read_bps": b.DeviceReadBps, "device_write_bps": b.DeviceWriteBps, "device_read_iops": b.DeviceReadIOps, "device_write_iops": b.DeviceWriteIOps,
	} {
		for _, t := range list {
			if t.Rate < 0 || !path.IsAbs(t.Path) {
				c.problem("blkio_config."+attr, "%q at %d is not a device's absolute path at a rate", printable(t.Path), t.Rate)
			}
		}
	}
	slices.SortFunc(r.BlkioWeights, func(a, b BlkioPer) int { return cmp.Compare(a.Path, b.Path) })
}

// weight is one of the kernel's shares of a block device.
func (c *converter) weight(attr string, n uint16) {
	if n != 0 && (n < 10 || n > 1000) {
		c.problem("blkio_config."+attr, "%d is not between 10 and 1000", n)
	}
}

func throttles(list []types.ThrottleDevice) []BlkioPer {
	var out []BlkioPer
	for _, t := range list {
		out = append(out, BlkioPer{t.Path, uint64(max(0, t.Rate))})
	}
	slices.SortFunc(out, func(a, b BlkioPer) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// leastMemory is what docker refuses to go below: the runtime itself needs it.
const leastMemory = 6 << 20

func (c *converter) checkResources(r Resources) {
	fail := func(attr, format string, args ...any) { c.problem(attr, "%s", fmt.Sprintf(format, args...)) }
	switch {
	case r.CPUs < 0:
		fail("cpus", "%g is less than nothing", r.CPUs)
	case r.CPUs > 0 && r.CPUQuota != 0:
		fail("cpu_quota", "it says the same as cpus in another way; remove one")
	}
	if r.Memory != 0 && r.Memory < leastMemory {
		fail("mem_limit", "%d bytes are less than the 6 MiB that a container needs", r.Memory)
	}
	if r.MemoryReservation > r.Memory && r.Memory > 0 {
		fail("mem_reservation", "it is more than the limit of %d bytes", r.Memory)
	}
	if r.MemorySwap > 0 && r.MemorySwap < r.Memory {
		fail("memswap_limit", "it counts memory too, so it must not be less than the limit of %d bytes", r.Memory)
	}
}
