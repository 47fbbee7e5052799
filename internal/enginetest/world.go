package enginetest

import (
	"stackup.dev/stackup/planner"
)

// AddImage makes an image known: local and wanted are manifest digests, local
// empty if it must be pulled first.
func (f *Fake) AddImage(ref, local, wanted string) {
	f.change(func() { f.images[ref] = planner.Image{Ref: ref, Local: local, Wanted: wanted} })
}

// AddNetwork makes a network that stands before the test; stack may be empty.
func (f *Fake) AddNetwork(n planner.Network) { f.change(func() { f.networks[n.Name] = n }) }

// AddVolume makes a volume that stands before the test; stack may be empty.
func (f *Fake) AddVolume(v planner.Volume) { f.change(func() { f.volumes[v.Name] = v }) }

// TakePort lets something outside of all stacks hold a port.
func (f *Fake) TakePort(u planner.PortUse) { f.change(func() { f.ports = append(f.ports, u) }) }

// Sicken lets the health probes of a service fail, or succeed again.
func (f *Fake) Sicken(service string, sick bool) { f.change(func() { f.sick[service] = sick }) }

// Exit ends the process of a container with a code.
func (f *Fake) Exit(id string, code int) {
	f.change(func() {
		if c := f.containers[id]; c != nil {
			c.task, c.code, c.health = planner.TaskStopped, code, planner.HealthNone
		}
	})
}

// Reboot takes all tasks away, as a restart of the machine does.
func (f *Fake) Reboot() {
	f.change(func() {
		for _, c := range f.containers {
			c.task, c.code, c.health = planner.TaskNone, 0, planner.HealthNone
		}
	})
}

func (f *Fake) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	f.notify()
}
