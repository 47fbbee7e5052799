package main

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// briefly is the garbage collector's target for commands, in percent: most
	// end before it would have anything to gain.
	briefly = 800
	// forLong is that of processes that run for weeks.
	forLong = 50

	memoryLook = time.Second
	muchMemory = 2 << 20 // bytes allocated between two looks that count as being at work
)

// staysOn is for processes that run for weeks: they collect garbage early, and
// after work give what is free back to the system.
func staysOn() {
	debug.SetGCPercent(forLong)
	go func() {
		var work bool
		seen := allocated()
		for range time.Tick(memoryLook) {
			now := allocated()
			busy := now-seen > muchMemory
			if work && !busy {
				debug.FreeOSMemory()
			}
			work, seen = busy, allocated()
		}
	}()
}

// allocated is how much this process has allocated so far, in bytes.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
