package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"stackup.dev/stackup/bench/internal/report"
	"stackup.dev/stackup/bench/internal/tool"
)

// step measures a command.
func (s *sequence) step(ctx context.Context, kind report.Kind, file string, args ...string) error {
	took, err := s.timed(ctx, file, args...)
	if err == nil {
		s.note(report.ID{Kind: kind, N: s.n}, took.Seconds())
	}
	return err
}

// timed runs a command; what it prints goes to a file, as a pipe would have
// to be waited for if a helper inherits it.
func (s *sequence) timed(ctx context.Context, file string, args ...string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return timed(s.tool.Command(ctx, file, args...), filepath.Join(s.tool.Dir, "said"))
}

func timed(cmd *exec.Cmd, said string) (time.Duration, error) {
	f, err := os.Create(said)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // the programs have their own descriptors
	cmd.Stdout, cmd.Stderr = f, f
	start := time.Now()
	err = cmd.Run()
	took := time.Since(start)
	if err != nil {
		text, _ := os.ReadFile(said) // without it the error still stands
		err = fmt.Errorf("%s: %w: %s", cmd.Args[len(cmd.Args)-1], err, tool.LastLine(text))
	}
	return took, err
}

// floor measures what the floor program says of itself.
func floor(ctx context.Context, f *tool.Floor, n int, note func(report.ID, float64)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	up, down, err := f.Measure(ctx, n)
	if err == nil {
		note(report.ID{Kind: report.Up, N: n}, up.Seconds())
		note(report.ID{Kind: report.Down, N: n}, down.Seconds())
	}
	return err
}
