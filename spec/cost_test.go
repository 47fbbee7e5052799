package spec_test

import (
	"syscall"
	"testing"
	"time"
)

// spent returns the processor time that this process has used since the call, each time
// it is called. Unlike the time on the clock, it does not grow because others use the
// machine. The tests of this package run one after another, so it is the test's own.
func spent(t testing.TB) func() time.Duration {
	t.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begin := used()
	return func() time.Duration { return used() - begin }
}
