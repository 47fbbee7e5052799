package ctrd

import (
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// A number that meanwhile belongs to another process must not get the signal.
func TestSignalPidSparesStrangers(t *testing.T) {
	c := exec.CommandContext(t.Context(), "sleep", "60")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if signalPid(c.Process.Pid, "shop-web-1-g1", unix.SIGKILL) {
		t.Error("it says that it told a process which is not the container's")
	}
	if err := unix.Kill(c.Process.Pid, 0); err != nil {
		t.Errorf("the stranger is gone: %v", err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // killed
	if signalPid(c.Process.Pid, "shop-web-1-g1", unix.SIGKILL) {
		t.Error("it says that it told a process which has ended")
	}
}
