//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Intent: forty stacks are brought up at once, and taken down at once; none fails because
// of the others, however busy that makes the machine.
func TestFortyStacksAtOnce(t *testing.T) {
	w := newWorld(t, only(embedded), slowly())
	const stacks = 40
	w.file("stack.yaml", "services:\n  web: {image: stackup.test/busybox:1, ports: [\"80\"], stop_grace_period: 0s}\n")
	all := func(args ...string) {
		t.Helper()
		var running sync.WaitGroup
		for i := range stacks {
			running.Go(func() {
				if r := w.run(append([]string{"-p", fmt.Sprint("p", i)}, args...)...); r.code != 0 {
					t.Errorf("%s of stack %d: exit %d\n%s", strings.Join(args, " "), i, r.code, r.err)
				}
			})
		}
		running.Wait()
	}
	all("up", "-d")
	for i := range stacks {
		if ps := w.ps("-p", fmt.Sprint("p", i)); len(ps) != 1 || ps["web.1"].State != "running" {
			t.Errorf("stack %d: %v", i, ps)
		}
	}
	all("down")
}
