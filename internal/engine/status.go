package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"stackup.dev/stackup/internal/statedir"
)

// Status is what `engine status` tells.
type Status struct {
	Kind        string  `json:"kind"` // Embedded or System
	Address     string  `json:"address"`
	Running     bool    `json:"running"`           // it answers
	PID         int     `json:"pid,omitempty"`     // also of an engine that lives but does not answer
	Version     string  `json:"version,omitempty"` // containerd's, if it answers
	Root        string  `json:"root"`              // stackup's own, whatever the engine
	State       string  `json:"state"`
	Snapshotter string  `json:"snapshotter,omitempty"`
	Runtime     Runtime `json:"runtime"`
	Namespace   string  `json:"namespace"`
}

// Runtime is the OCI runtime that the engine runs containers with.
type Runtime struct {
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
}

// String is the one line for people.
func (s Status) String() string {
	state := "not running"
	if s.Running {
		state = fmt.Sprintf("running, containerd %s, pid %d", s.Version, s.PID)
	}
	return fmt.Sprintf("%s engine at %s: %s", s.Kind, s.Address, state)
}

// Describe looks at the chosen engine and starts nothing. An engine that does not
// answer is no error but a Status with Running false. runtime is the name of
// the OCI runtime that was asked for, as OCIRuntime takes it.
func Describe(ctx context.Context, d statedir.Dirs, c Choice, runtime string) (Status, error) {
	s := Status{Kind: c.Kind, Address: c.Address, Root: d.Root, State: d.State, Namespace: d.Namespace()}
	s.ask(ctx)
	if s.PID == 0 && c.Kind == Embedded {
		s.PID = silent(d)
	}
	path, err := s.runtimePath(c, runtime)
	if err == nil {
		s.Runtime = Runtime{Path: path, Version: runtimeVersion(ctx, path)}
	}
	return s, nil
}

func (s *Status) runtimePath(c Choice, name string) (string, error) {
	libexec, err := Libexec()
	if err != nil && c.Kind == Embedded { // a system's engine does without
		return "", err
	}
	if path, err := OCIRuntime(name, c, libexec); path != "" || err != nil {
		return path, err
	}
	return s.runcPath()
}

// silent is the process of an embedded engine that lives but does not listen,
// 0 for none. It makes no folder and asks nothing that needs root of others.
func silent(d statedir.Dirs) int {
	if _, err := os.Stat(filepath.Join(d.State, "locks")); err != nil || os.Geteuid() != 0 {
		return 0
	}
	pid, _, err := holder(d)
	if err != nil {
		return 0
	}
	return pid
}

// ask fills in what only the engine itself knows.
func (s *Status) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var err error
	if s.PID, err = peer(ctx, s.Address); err != nil {
		return
	}
	c, err := connect(ctx, s.Address)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	if s.Version, err = versionOf(ctx, c); err != nil {
		return
	}
	s.Running = true
	s.Snapshotter, _ = snapshotterOf(ctx, c) // left out if it does not say
}

// runcPath is the one that the system engine's shims find.
func (s *Status) runcPath() (string, error) {
	if s.PID == 0 {
		return "", errors.New("the system engine is not there to be asked for its PATH")
	}
	path, err := pathOf(s.PID)
	if err != nil {
		return "", err
	}
	for _, dir := range filepath.SplitList(path) {
		if p := filepath.Join(dir, runcProgram); filepath.IsAbs(p) && isProgram(p) {
			return p, nil
		}
	}
	return "", errors.New("the system engine has no runc in its PATH")
}

// pathOf is the PATH of another process.
func pathOf(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return "", err
	}
	for _, kv := range bytes.Split(b, []byte{0}) {
		if v, ok := strings.CutPrefix(string(kv), "PATH="); ok {
			return v, nil
		}
	}
	return defaultPath, nil
}

// runtimeVersion is empty where the program does not tell.
func runtimeVersion(ctx context.Context, path string) string {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(out), "\n")
	_, version, _ := strings.Cut(first, " version ")
	return version
}
