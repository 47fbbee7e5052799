package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"stackup.dev/stackup/bench/internal/measure"
	"stackup.dev/stackup/bench/internal/report"
	"stackup.dev/stackup/bench/internal/tool"
)

const (
	settle    = 2 * time.Second // before memory is looked at
	execs     = time.Second     // for the exec of containers, after up has ended
	patience  = 3 * time.Minute // with one command
	manyPlans = 1000            // services
)

// sequence is one tool's turn with one stack. It measures commands from
// outside, and looks in /proc whether they have done what they say.
type sequence struct {
	*run
	tool *tool.Compose
	n    int
	note func(id report.ID, v float64)
}

// all goes up, around and down. After an error it takes the stack down.
func (s *sequence) all(ctx context.Context) (err error) {
	file, err := s.stacks.file(s.n, "1")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = s.timed(context.WithoutCancel(ctx), s.stacks.path(s.n, "1"), "down") // the first error is told
		}
	}()
	if err := s.step(ctx, report.Up, file, "up", "-d"); err != nil {
		return err
	}
	if err := s.allRun(); err != nil {
		return err
	}
	if err := s.around(ctx, file); err != nil {
		return err
	}
	if err := s.step(ctx, report.Down, file, "down"); err != nil {
		return err
	}
	return running(0)
}

// around is what can be measured of a stack that runs.
func (s *sequence) around(ctx context.Context, file string) error {
	if s.n == 10 && slices.Contains(s.kinds, report.Memory) {
		if err := s.memory(); err != nil {
			return err
		}
	}
	if s.n < common {
		return nil
	}
	if err := s.same(ctx, file); err != nil || s.n > common {
		return err
	}
	if err := s.changed(ctx); err != nil {
		return err
	}
	if err := s.step(ctx, report.Ps, file, "ps"); err != nil {
		return err
	}
	return s.step(ctx, report.Config, file, "config")
}

// same is an up that has nothing to do, and does nothing.
func (s *sequence) same(ctx context.Context, file string) error {
	before, err := measure.Running(command)
	if err != nil {
		return err
	}
	if err := s.step(ctx, report.Same, file, "up", "-d"); err != nil {
		return err
	}
	after, err := measure.Running(command)
	if err == nil && !slices.Equal(before, after) {
		err = errors.New("up without a change has touched containers")
	}
	return err
}

// changed is an up after one service's environment has changed.
func (s *sequence) changed(ctx context.Context) error {
	file, err := s.stacks.file(s.n, "2")
	if err != nil {
		return err
	}
	if err := s.step(ctx, report.Changed, file, "up", "-d"); err != nil {
		return err
	}
	if err := s.allRun(); err != nil {
		return err
	}
	pids, err := measure.Running(command)
	if err == nil && measure.HasEnv(pids, "REVISION=2") != 1 {
		err = errors.New("the changed service does not run as changed")
	}
	return err
}

func (s *sequence) memory() error {
	time.Sleep(settle)
	bytes, parts, err := measure.Memory(command, s.tool.Dir, s.tool.Run)
	if err == nil {
		s.note(report.ID{Kind: report.Memory, N: s.n}, float64(bytes))
		if s.verbose {
			fmt.Fprintf(os.Stderr, "%-12s %v\n", s.tool.Name, parts)
		}
	}
	return err
}

// plan asks for the plan of a large stack of which nothing runs.
func (s *sequence) plan(ctx context.Context) error {
	file, err := s.stacks.file(manyPlans, "1")
	if err != nil {
		return err
	}
	s.n = manyPlans
	return s.step(ctx, report.Plan, file, "plan")
}

// allRun fails if not all containers of the stack run. A runtime's start
// returns just before the kernel carries out exec, so it waits a moment.
func (s *sequence) allRun() (err error) {
	for deadline := time.Now().Add(execs); ; time.Sleep(poll) {
		if err = running(s.n); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// running fails if not n containers run.
func running(n int) error {
	pids, err := measure.Running(command)
	if err == nil && len(pids) != n {
		err = fmt.Errorf("%d containers run, not %d", len(pids), n)
	}
	return err
}
