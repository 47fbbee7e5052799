// Package tool has the programs that the benchmark compares: each with an
// engine of its own, which nobody else uses, below one folder.
package tool

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Place says where things are.
type Place struct {
	Program string // stackup; its helpers are beside it as installed
	Libexec string // with the standard CNI plugins
	Engine  string // folder of containerd, shim and runc
	Peers   string // folder of the programs to compare with
	Floor   string // the floor program
	Dir     string // for data; each tool makes a folder in it
	Run     string // for sockets and state, on a tmpfs; likewise
}

// Images are archives to load, by what they are used for.
type Images struct{ Busybox, Nginx string }

func (i Images) each() []string { return []string{i.Busybox, i.Nginx} }

// Compose is a program that carries out Compose files.
type Compose struct {
	Name    string
	Dir     string // of data; the command line of its processes names it or Run
	Run     string // of state
	command []string
	env     []string
	version func(ctx context.Context) string
	start   func(ctx context.Context, images Images) error
	stop    func(ctx context.Context)
}

// Start starts the engine and loads the images. Stop must follow, also after
// an error.
func (c *Compose) Start(ctx context.Context, images Images) error {
	for _, dir := range []string{c.Dir, c.Run} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return c.start(ctx, images)
}

// Stop ends the engine.
func (c *Compose) Stop(ctx context.Context) { c.stop(ctx) }

// Version is what the program, and its engine while that runs, say of themselves.
func (c *Compose) Version(ctx context.Context) string { return c.version(ctx) }

// Command carries out a stack file, under a project name of its own.
func (c *Compose) Command(ctx context.Context, file string, args ...string) *exec.Cmd {
	line := append(append([]string{}, c.command[1:]...), "-p", "bench", "-f", file)
	cmd := exec.CommandContext(ctx, c.command[0], append(line, args...)...)
	cmd.Dir = filepath.Dir(file)
	cmd.Env = environment(c.Dir, c.env...)
	return endWhole(cmd)
}

// environment is that of all programs: nothing of the user's gets in.
func environment(home string, more ...string) []string {
	return append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home}, more...)
}

// endWhole lets the end of the context kill a command with its children.
func endWhole(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// output runs a command; if it fails, the error has the end of what it said.
func output(cmd *exec.Cmd) (string, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, LastLine(append(errs.Bytes(), out.Bytes()...)))
	}
	return out.String(), nil
}

// LastLine is the last line of what a program has printed, cut to a length
// that fits a table's footnote.
func LastLine(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	last := lines[len(lines)-1]
	return last[:min(len(last), 300)]
}

// versionOf takes the first word with a dot and a digit of what a program
// prints when asked for its version.
func versionOf(ctx context.Context, program string, args ...string) string {
	out, err := output(exec.CommandContext(ctx, program, args...))
	if err != nil {
		return "unknown"
	}
	for _, word := range strings.Fields(out) {
		if strings.ContainsAny(word, "0123456789") && !strings.Contains(word, "/") {
			return word
		}
	}
	return strings.TrimSpace(out)
}
