package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
)

// isCDI knows the qualified names of CDI devices, VENDOR/CLASS=NAME (Container
// Device Interface specification, "Fully Qualified Name").
var isCDI = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z0-9_-]+=[A-Za-z0-9][A-Za-z0-9_.:-]*$`).MatchString

// gpuKinds are the CDI kinds of GPUs by driver.
var gpuKinds = map[string]string{"": "nvidia.com/gpu", "nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu", "intel": "gpu.intel.com/gpu"}

// cdi gathers the CDI devices that devices, gpus and the reservations of deploy
// ask for, sorted, each once.
func (c *converter) cdi(cfg types.ServiceConfig) []string {
	var out []string
	for _, d := range cfg.Devices {
		if isCDI(d.Source) {
			out = append(out, d.Source)
		}
	}
	for i, r := range cfg.Gpus {
		r.Capabilities = append(slices.Clone(r.Capabilities), "gpu")
		out = append(out, c.requested(fmt.Sprintf("gpus[%d]", i), r)...)
	}
	if d := cfg.Deploy; d != nil && d.Resources.Reservations != nil {
		for i, r := range d.Resources.Reservations.Devices {
			out = append(out, c.requested(fmt.Sprintf("deploy.resources.reservations.devices[%d]", i), r)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// requested gives the devices of one request: all of a kind, the first of them,
// or those that it names. Driver cdi names them in full.
func (c *converter) requested(attr string, r types.DeviceRequest) []string {
	kind, known := gpuKinds[r.Driver]
	switch {
	case r.Driver == "cdi":
		for _, id := range r.IDs {
			if !isCDI(id) {
				c.problem(attr+".device_ids", "%q is not the name of a CDI device, VENDOR/CLASS=NAME", printable(id))
			}
		}
		return r.IDs
	case !known || !slices.Contains(r.Capabilities, "gpu"):
		c.problem(attr, "only GPUs of nvidia, amd and intel are known (capabilities: [gpu]); name others by driver: cdi and device_ids")
		return nil
	case len(r.Options) > 0:
		c.problem(attr+".options", "drivers of devices have no options here; remove it")
	case len(r.IDs) > 0 && r.Count != 0:
		c.problem(attr, "count and device_ids exclude each other")
	}
	return gpus(kind, r)
}

// maxGPUs bounds what a count can ask for.
const maxGPUs = 64

func gpus(kind string, r types.DeviceRequest) []string {
	var out []string
	for _, id := range r.IDs {
		out = append(out, kind+"="+id)
	}
	if len(r.IDs) == 0 && r.Count <= 0 {
		return []string{kind + "=all"}
	}
	for n := range min(int(r.Count), maxGPUs) {
		out = append(out, kind+"="+strconv.Itoa(n))
	}
	return out
}
