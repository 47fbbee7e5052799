package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var program string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "stackup-init-test")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "stackup-init")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build: %v\n%s", err, out))
	}
	return m.Run()
}

func TestExitCodes(t *testing.T) {
	tests := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"success", []string{"sh", "-c", "exit 0"}, 0, ""},
		{"own code", []string{"/bin/sh", "-c", "exit 42"}, 42, ""},
		{"killed", []string{"sh", "-c", "kill -9 $$"}, 137, ""},
		{"not found", []string{"no-such-program"}, 127, "no-such-program"},
		{"not a program", []string{"/"}, 126, "permission denied"},
		{"no arguments", nil, 126, "usage"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			cmd := exec.Command(program, tt.args...)
			cmd.Stderr = &stderr
			_ = cmd.Run()
			if cmd.ProcessState.ExitCode() != tt.code || !strings.Contains(stderr.String(), tt.says) {
				t.Errorf("exit %d %q, want %d %q", cmd.ProcessState.ExitCode(), stderr.String(), tt.code, tt.says)
			}
		})
	}
}

// inNamespace runs a script under the program as process 1 of a PID namespace; it
// needs root. The script's output can be read line by line.
func inNamespace(t *testing.T, script string) (*exec.Cmd, func() string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make a PID namespace")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "sh", "-c", script)
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Skipf("no PID namespace: %v", err)
	}
	_ = w.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = r.Close()
	})
	return cmd, func() string {
		var line []byte
		_ = r.SetReadDeadline(time.Now().Add(5 * time.Second))
		for b := make([]byte, 1); ; line = append(line, b[0]) {
			if n, err := r.Read(b); n == 0 || err != nil || b[0] == '\n' {
				return string(line)
			}
		}
	}
}

func TestForwardsSignals(t *testing.T) {
	cmd, line := inNamespace(t, `trap 'echo got; exit 7' TERM; echo ready; while :; do sleep 0.01; done`)
	if got := line(); got != "ready" {
		t.Fatalf("script said %q", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := line(); got != "got" {
		t.Errorf("script said %q", got)
	}
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("exit %v, want 7", cmd.ProcessState)
	}
}

// M03: processes whose parent is gone become children of process 1, which
// must not leave them as zombies.
func TestReapsOrphans(t *testing.T) {
	cmd, line := inNamespace(t, `for i in 1 2 3 4 5 6 7 8 9 10; do sh -c 'sleep 0.05 & exit 0'; done; echo orphaned; read x </dev/null; sleep 5; exit 0`)
	if got := line(); got != "orphaned" {
		t.Fatalf("script said %q", got)
	}
	init := cmd.Process.Pid
	for end := time.Now().Add(5 * time.Second); ; <-time.After(10 * time.Millisecond) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", init, init))
		if err != nil {
			t.Skipf("this kernel does not list children: %v", err)
		}
		all := childrenOf(t, init)
		if len(all) == 1 {
			return // the script alone
		}
		if time.Now().After(end) {
			t.Fatalf("children left: %v (main thread: %s)", all, b)
		}
	}
}

// childrenOf lists the children of all threads of a process.
func childrenOf(t *testing.T, pid int) (all []string) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			all = append(all, strings.Fields(string(b))...)
		}
	}
	return all
}
