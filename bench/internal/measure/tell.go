package measure

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Until waits for something, and looks each millisecond.
func Until(limit time.Duration, what string, is func() bool) error {
	for end := time.Now().Add(limit); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%s: not within %s", what, limit)
		}
	}
	return nil
}

// Tell prints the median and the value that 99 of 100 are below.
func Tell(what string, all []time.Duration, target string) {
	slices.Sort(all)
	at := func(part float64) time.Duration {
		return all[int(part*float64(len(all)-1))].Round(100 * time.Microsecond)
	}
	_, _ = fmt.Fprintf(os.Stdout, "%-44s median %-8s p99 %-8s (%d times; target %s)\n", what, at(0.5), at(0.99), len(all), target)
}

// Ticks is the processor time of a process, in 10 ms.
func Ticks(pid int) (n int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	var user, system int
	_, rest, _ := strings.Cut(string(b), ") ") // after the name: proc(5)
	f := strings.Fields(rest)
	_, _ = fmt.Sscan(f[11]+" "+f[12], &user, &system) // the kernel wrote them
	return user + system
}
