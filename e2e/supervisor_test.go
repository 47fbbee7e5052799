//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// supervisorActs has the supervisor start a container of another stack again, three
// times, and waits until it has. The delays of these restarts grow to 400 ms, so what it
// was to do about earlier events, after a few restarts too, it has done by then. So a
// test shows that it does nothing, without a guess at how long to wait.
func (w *world) supervisorActs() {
	w.t.Helper()
	w.file("beacon.yaml", "name: beacon\nservices:\n  lamp: {image: stackup.test/busybox:1, restart: always, stop_grace_period: 0s}\n")
	w.must("-f", "beacon.yaml", "up", "-d")
	for restarts := range 3 {
		for pid := range strings.FieldsSeq(w.pidsOf("beacon")) {
			n, err := strconv.Atoi(pid)
			check(w.t, err)
			check(w.t, syscall.Kill(n, syscall.SIGKILL))
		}
		w.eventually("the supervisor has started a container again", func() bool { // before that there may be a process of the OCI runtime's
			lamp := w.ps("-p", "beacon")["lamp.1"]
			return lamp.State == "running" && lamp.Restarts == restarts+1
		})
	}
	w.must("-f", "beacon.yaml", "down")
}

// keepsExit waits until it is on record how a container's last run ended.
func (w *world) keepsExit(id string) {
	w.t.Helper()
	w.eventually("the end of "+id+" is kept", func() bool {
		b, _ := os.ReadFile(filepath.Join(w.state(), "containers", id, "run.json"))
		return strings.Contains(string(b), `"exit"`)
	})
}
