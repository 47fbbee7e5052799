//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Intent: of two stacks that want one port at once, one gets it; the other says
// who has it, and leaves no container.
func TestTwoStacksWantOnePort(t *testing.T) {
	w := newWorld(t)
	stacks := []string{"left", "right"}
	for _, s := range stacks {
		t.Cleanup(func() { w.run("-p", s, "down", "-v") }) // of a loser that has left something
		w.file(s+".yaml", "name: "+s+"\nservices:\n  a: {image: stackup.test/busybox:1, ports: [\"18084:80\"], stop_grace_period: 0s}\n")
	}
	for round := range 5 {
		var results [2]result
		var wg sync.WaitGroup
		for i, s := range stacks {
			wg.Go(func() { results[i] = runCmd(t, w.cmd("-f", s+".yaml", "up", "-d")) })
		}
		wg.Wait()
		win := 0
		if results[0].code != 0 {
			win = 1
		}
		w.onePortWinner(stacks[win], stacks[1-win], results[win], results[1-win])
		for _, s := range stacks { // the loser may have made its network already
			w.must("-f", s+".yaml", "down", "-v")
		}
		w.nothingLeft()
		if t.Failed() {
			t.Fatalf("first failure in round %d", round+1)
		}
	}
}

// onePortWinner checks that one stack has the port and the other one says so.
func (w *world) onePortWinner(winner, loser string, won, lost result) {
	w.t.Helper()
	if won.code != 0 {
		w.t.Errorf("neither %s nor %s is up:\n%s%s", winner, loser, won.err, lost.err)
	}
	owner := fmt.Sprintf("service a of stack %s", winner)
	if lost.code != 1 || !strings.Contains(lost.err, "18084") || !strings.Contains(lost.err, owner) {
		w.t.Errorf("%s: exit %d, want 1 with the port and %q:\n%s", loser, lost.code, owner, lost.err)
	}
	if n := len(w.ps("-a", "-p", loser)); n != 0 {
		w.t.Errorf("%s has %d containers, though it lost", loser, n)
	}
	w.settles(loser+" left", func() (left []string) {
		for what := range w.traces() {
			if strings.Contains(what, loser+"-a-1") {
				left = append(left, what)
			}
		}
		return left
	})
}
