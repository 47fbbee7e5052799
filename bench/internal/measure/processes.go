// Package measure looks at processes from outside, the same way for every tool.
package measure

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// process is one entry of /proc.
type process struct {
	pid, parent int
	line        string // command line, arguments between spaces
	program     string // the file that runs
}

// processes lists all that live; who ends meanwhile is left out.
func processes() (all []process, err error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || len(line) == 0 {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue
		}
		p := process{line: strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))}
		p.pid, _ = strconv.Atoi(filepath.Base(dir)) // a number, says the pattern
		p.parent = parentIn(stat)
		p.program, _ = os.Readlink(filepath.Join(dir, "exe")) // a kernel thread has none
		all = append(all, p)
	}
	return all, nil
}

// parentIn reads the fourth field of /proc/PID/stat; the second may have
// spaces and ends with the last parenthesis (proc_pid_stat(5)).
func parentIn(stat []byte) int {
	rest := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(rest) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(rest[1]) // the kernel writes a number
	return parent
}

// Running gives the processes whose command line is exactly line: the
// containers of a stack, if nothing else runs it.
func Running(line string) (pids []int, err error) {
	all, err := processes()
	for _, p := range all {
		if p.line == line {
			pids = append(pids, p.pid)
		}
	}
	return pids, err
}

// HasEnv counts the processes that have a variable.
func HasEnv(pids []int, variable string) (n int) {
	for _, pid := range pids {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(append([]byte{0}, env...), []byte("\x00"+variable+"\x00")) {
			n++
		}
	}
	return n
}
