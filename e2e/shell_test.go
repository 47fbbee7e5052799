//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"stackup.dev/stackup/internal/dev/slowness"
)

// shell is one that runs in a service's container and takes one command after another.
// All of them cost one exec.
type shell struct {
	t       *testing.T
	service string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// endOfCommand is what a shell prints after each command, with its exit code.
const endOfCommand = "-- end of command, exit "

// shell starts one. It ends with its container, and with the test.
func (w *world) shell(service string) *shell {
	w.t.Helper()
	s := &shell{t: w.t, service: service, cmd: w.cmd("exec", "-T", service, "sh")}
	var err error
	s.in, err = s.cmd.StdinPipe()
	check(w.t, err)
	out, err := s.cmd.StdoutPipe()
	check(w.t, err)
	s.out = bufio.NewReader(out)
	check(w.t, s.cmd.Start())
	return s
}

// run runs a command in a subshell, without input. The result has in out what it
// prints on both streams.
func (s *shell) run(command string) (r result) {
	s.t.Helper()
	begun, start := slowness.Given(), time.Now()
	_, err := fmt.Fprintf(s.in, "(%s\n) 2>&1 </dev/null; code=$?; echo; echo \"%s$code\"\n", command, endOfCommand)
	check(s.t, err)
	var out strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			s.t.Fatalf("%s: %s: %v after %q", s.service, command, err, out.String()+line)
		}
		if code, ok := strings.CutPrefix(line, endOfCommand); ok {
			r.code, err = strconv.Atoi(strings.TrimSpace(code))
			check(s.t, err)
			break
		}
		out.WriteString(line)
	}
	spends.add("in a shell", time.Since(start))
	r.out, r.took = strings.TrimSuffix(out.String(), "\n"), slowness.Given()-begun
	return r
}

// says returns what a command prints, without the space around it. One that fails
// fails the test.
func (s *shell) says(command string) string {
	s.t.Helper()
	r := s.run(command)
	if r.code != 0 {
		s.t.Fatalf("%s: %s: exit %d\n%s", s.service, command, r.code, r.out)
	}
	return strings.TrimSpace(r.out)
}
