//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kinds of work that are no command. A command's kind is its name: up, exec, down.
const (
	engineStart = "engine start" // of a system containerd; ours starts within a command
	waiting     = "wait"         // for a condition, without the commands that ask for it
	leakCheck   = "leak check"
)

// spending is how long the tests of this process have spent on each kind of work.
// Commands that run side by side count each.
type spending struct {
	mu    sync.Mutex
	kinds map[string]*spent
}

// spent is one row of `make test-times`.
type spent struct {
	Kind    string
	Times   int
	Seconds float64
}

var spends = spending{kinds: map[string]*spent{}}

// add notes one piece of work.
func (s *spending) add(kind string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds[kind] == nil {
		s.kinds[kind] = &spent{Kind: kind}
	}
	s.kinds[kind].Times++
	s.kinds[kind].Seconds += d.Seconds()
}

// on notes how long do takes as a kind of work, without the kinds noted meanwhile. With
// commands that run side by side meanwhile it is too little, and never less than 0.
func (s *spending) on(kind string, do func()) {
	begin, before := time.Now(), s.total()
	defer func() { s.add(kind, max(0, time.Since(begin)-(s.total()-before))) }()
	do()
}

func (s *spending) total() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := 0.0
	for _, k := range s.kinds {
		sum += k.Seconds
	}
	return time.Duration(sum * float64(time.Second))
}

// save writes what was spent to the file that E2E_SPENT names, a JSON line for each kind.
func (s *spending) save() error {
	path := os.Getenv("E2E_SPENT")
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	byCost := func(a, b *spent) int { return -cmp.Compare(a.Seconds, b.Seconds) }
	for _, k := range slices.SortedFunc(maps.Values(s.kinds), byCost) {
		line, err := json.Marshal(k)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(f, string(line)); err != nil {
			return err
		}
	}
	return nil
}

// commandKind is the name of a stackup command, with the subcommand of a group.
func commandKind(c *exec.Cmd) string {
	if c.Args[0] != stackup {
		return "other program"
	}
	var words []string
	for i := 1; i < len(c.Args) && len(words) < 2; i++ {
		switch arg := c.Args[i]; {
		case slices.Contains([]string{"-p", "-f", "--address", "--project-directory", "--profile", "--env-file", "--root", "--state", "--runtime"}, arg):
			i++ // and its value
		case strings.HasPrefix(arg, "-"):
		default:
			words = append(words, arg)
		}
	}
	if len(words) == 0 {
		return "stackup"
	}
	if len(words) == 2 && slices.Contains([]string{"images", "volumes", "engine"}, words[0]) {
		return words[0] + " " + words[1]
	}
	return words[0]
}
