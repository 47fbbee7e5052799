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
	for range 3 {
		before := w.pidsOf("beacon")
		for pid := range strings.FieldsSeq(before) {
			n, err := strconv.Atoi(pid)
			check(w.t, err)
			check(w.t, syscall.Kill(n, syscall.SIGKILL))
		}
		w.eventually("the supervisor starts a container again", func() bool {
			now := w.pidsOf("beacon")
			return now != "" && now != before
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
