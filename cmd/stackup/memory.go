package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// gcBrief is the garbage collector's target for commands, in percent: most
	// end before it would have anything to gain.
	gcBrief = 800
	// gcLong is that of processes that run for weeks.
	gcLong = 50

	// manyThreads run Go code at a time at least. With as many as there are
	// cores, two calls that the kernel holds up keep a command of two cores from
	// everything else until the runtime notices, which takes it up to 10 ms.
	manyThreads = 8

	memoryLook = time.Second
	muchMemory = 2 << 20 // bytes allocated between two looks that count as being at work
)

// briefly is for commands, which are there to be quick.
func briefly() {
	debug.SetGCPercent(gcBrief)
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < manyThreads {
		runtime.GOMAXPROCS(manyThreads)
	}
}

// staysOn is for processes that run for weeks: they collect garbage early, and
// after work give what is free back to the system.
func staysOn() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.SetDefaultGOMAXPROCS()
	}
	debug.SetGCPercent(gcLong)
	go func() {
		var work bool
		seen := allocated()
		for range time.Tick(memoryLook) {
			now := allocated()
			busy := now-seen > muchMemory
			if work && !busy {
				debug.FreeOSMemory()
				unmapProgram()
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
