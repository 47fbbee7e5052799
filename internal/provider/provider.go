// Package provider has other programs stand up services of a stack, as the
// Compose Specification's "provider" says: a program is called with a command and
// options, and answers by lines of JSON.
package provider

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// Record is what is known of a service that was stood up.
type Record struct {
	Provider spec.Provider `json:"provider"`
	// Environment is what the program has said, under its own names.
	Environment []spec.Pair `json:"environment,omitempty"`
}

// Store keeps the records of all stacks, a file each; none but root reads them.
type Store struct {
	Dir   string
	Grace time.Duration // what a program has to end after it was told to; 0 for stopTime
}

func (s Store) path(stack string) string { return filepath.Join(s.Dir, stack+".json") }

// Records gives those of a stack, by service.
func (s Store) Records(stack string) (map[string]Record, error) {
	out := map[string]Record{}
	b, err := os.ReadFile(s.path(stack))
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

// Up has a service stood up, or looked at again, and records what comes of it.
// tell is told what the program has to say.
func (s Store) Up(ctx context.Context, stack, service string, p spec.Provider, tell func(string)) error {
	all, err := s.Records(stack)
	if err != nil {
		return err
	}
	if old, ok := all[service]; ok && old.Provider.Type != p.Type {
		if _, err := s.call(ctx, "down", stack, service, old.Provider, tell); err != nil {
			return fmt.Errorf("service %s: %w", service, err)
		}
		delete(all, service)
	}
	// A program that is killed in its middle has something to take down.
	all[service] = Record{Provider: p, Environment: all[service].Environment}
	if err := s.write(stack, all); err != nil {
		return err
	}
	env, err := s.call(ctx, "up", stack, service, p, tell)
	if err != nil {
		return fmt.Errorf("service %s: %w", service, err)
	}
	all[service] = Record{Provider: p, Environment: env}
	return s.write(stack, all)
}

// Down has services of a stack taken down that were stood up: those named, or all.
func (s Store) Down(ctx context.Context, stack string, tell func(string), only ...string) error {
	all, err := s.Records(stack)
	if err != nil {
		return err
	}
	var errs []error
	for service, r := range all {
		if len(only) > 0 && !slices.Contains(only, service) {
			continue
		}
		if _, err := s.call(ctx, "down", stack, service, r.Provider, tell); err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", service, err))
			continue
		}
		delete(all, service)
	}
	return errors.Join(append(errs, s.write(stack, all))...)
}

func (s Store) write(stack string, all map[string]Record) error {
	if len(all) == 0 {
		err := statedir.Remove(s.path(stack))
		_ = os.Remove(s.Dir) // refused by the kernel unless empty
		return err
	}
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return statedir.WriteFile(s.path(stack), b, 0o600)
}

// program is the one of a type: a plugin of the docker command, or one by that
// very name.
func program(kind string) (string, error) {
	for _, name := range []string{"docker-" + kind, kind} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("provider %s: neither docker-%s nor %s is in PATH", kind, kind, kind)
}

// stopTime is what a program has to end after it was told to.
const stopTime = 10 * time.Second

func (s Store) call(ctx context.Context, verb, stack, service string, p spec.Provider, tell func(string)) (env []spec.Pair, err error) {
	path, err := program(p.Type)
	if err != nil {
		return nil, err
	}
	args := []string{"compose", "--project-name", stack, verb}
	for _, o := range p.Options {
		args = append(args, "--"+o.Name+"="+o.Value)
	}
	cmd := exec.CommandContext(ctx, path, append(args, service)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = cmp.Or(s.Grace, stopTime)
	cmd.Stderr = os.Stderr
	out, in := io.Pipe()
	cmd.Stdout = in // and no file: Wait does not wait for ever for a child that keeps it open
	var said error
	done := make(chan struct{})
	go func() {
		defer close(done)
		env, said = listen(out, tell)
	}()
	err = cmd.Run()
	_ = in.Close() // never fails
	<-done
	if said == nil && !errors.Is(err, exec.ErrWaitDelay) { // such a child is the provider's business
		said = err
	}
	if said != nil {
		return nil, fmt.Errorf("provider %s: %s: %w", p.Type, verb, said)
	}
	return env, nil
}

// message is a line that a provider prints.
type message struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// listen reads to the end. An error that the program tells of is one; what is no
// message is passed on as it is.
func listen(r io.Reader, tell func(string)) (env []spec.Pair, said error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			tell(lines.Text())
			continue
		}
		switch m.Type {
		case "setenv":
			name, value, ok := strings.Cut(m.Message, "=")
			if !ok || name == "" {
				said = errors.Join(said, errors.New("it sets a variable without a name or a value"))
				continue
			}
			env = append(env, spec.Pair{Name: name, Value: value})
		case "error":
			said = errors.Join(said, errors.New(m.Message))
		case "info":
			tell(m.Message)
		}
	}
	err := lines.Err()
	_, _ = io.Copy(io.Discard, r) // after a line too long: nobody shall wait for us
	return env, errors.Join(said, err)
}

// Apply gives what depends on provided services the variables that those have
// said, as SERVICE_NAME, where it does not say others itself. The stack that it
// gives shares all else with s.
func Apply(s *spec.Stack, known map[string]Record) *spec.Stack {
	out := *s
	out.Services = slices.Clone(s.Services)
	for i := range out.Services {
		v := &out.Services[i]
		for _, d := range v.DependsOn {
			said := known[d.Service].Environment
			v.Environment = with(v.Environment, d.Service, said)
			v.PreStart = slices.Clone(v.PreStart)
			for j := range v.PreStart {
				hook := &v.PreStart[j].Service
				hook.Environment = with(hook.Environment, d.Service, said)
			}
		}
	}
	return &out
}

func with(env []spec.Pair, service string, said []spec.Pair) []spec.Pair {
	prefix := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(service)) + "_"
	for _, p := range slices.Backward(said) { // what was said last holds
		p.Name = prefix + p.Name
		at, has := slices.BinarySearchFunc(env, p.Name, func(o spec.Pair, name string) int { return strings.Compare(o.Name, name) })
		if !has {
			env = slices.Insert(slices.Clone(env), at, p)
		}
	}
	return env
}
