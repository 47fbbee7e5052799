package ctrd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"stackup.dev/stackup/spec"
)

// A control group has time for realtime processes only out of that of the group
// above it, and the groups that containers stand in begin with none (kernel,
// Documentation/scheduler/sched-rt-group.rst). Version 2 knows no such thing.

const (
	rounding      = 1e-3 // microseconds: what sums of parts are wrong by is far less
	rtRuntimeFile = "cpu.rt_runtime_us"
	rtPeriodFile  = "cpu.rt_period_us"
)

// cpuGroups is where control groups of version 1 have the processors' time.
const cpuGroups = cgroupRoot + "/cpu"

// sharesRealtime says whether this machine's kernel divides that time at all.
func sharesRealtime() bool {
	_, err := os.Stat(filepath.Join(cpuGroups, rtRuntimeFile))
	return err == nil
}

// lendRealtime gives a container's group what it asks for, and so those above. The
// group is made for that before the OCI runtime does: others who add up see it.
func (e *Engine) lendRealtime(ctx context.Context, id string, s *spec.Service) (err error) {
	if s.Fixed.CPURTRuntime == 0 {
		return nil
	}
	lock, err := e.Dirs.LockRealtime(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := takeRealtime(cpuGroups, e.cgroupPath(id, s), s.Fixed); err != nil {
		return fmt.Errorf("cpu_rt_runtime: this machine has not so much time left for realtime processes: %w", err)
	}
	return nil
}

func takeRealtime(root, group string, f spec.FixedResources) error {
	period := f.RealtimePeriod()
	if err := raiseRealtime(root, group, float64(f.CPURTRuntime)/float64(period)); err != nil {
		return err
	}
	dir := filepath.Join(root, group)
	if err := setGroupNumber(dir, rtPeriodFile, period); err != nil {
		return err
	}
	return setGroupNumber(dir, rtRuntimeFile, f.CPURTRuntime)
}

// raiseRealtime sees to it that a group may have a part of the time: each group
// above it has as much as all below it together. The outermost is raised first.
func raiseRealtime(root, group string, part float64) error {
	type step struct {
		group string
		part  float64
	}
	var steps []step
	for at := group; filepath.Dir(at) != "/"; at = filepath.Dir(at) {
		above := filepath.Dir(at)
		part += realtimeBelow(filepath.Join(root, above), filepath.Base(at))
		if realtimeOf(filepath.Join(root, above)) >= part {
			break
		}
		steps = append([]step{{above, part}}, steps...)
	}
	for _, s := range steps {
		dir := filepath.Join(root, s.group)
		runtime := math.Ceil(s.part*groupNumber(dir, rtPeriodFile, spec.RealtimePeriod) - rounding)
		if err := setGroupNumber(dir, rtRuntimeFile, int64(runtime)); err != nil {
			return err
		}
	}
	return nil
}

// realtimeBelow is what the groups below one have, but for one of them.
func realtimeBelow(dir, but string) (sum float64) {
	list, _ := os.ReadDir(dir) // none: it is to be made
	for _, g := range list {
		if g.IsDir() && g.Name() != but {
			sum += realtimeOf(filepath.Join(dir, g.Name()))
		}
	}
	return sum
}

// realtimeOf is a group's part of the time.
func realtimeOf(dir string) float64 {
	return groupNumber(dir, rtRuntimeFile, 0) / groupNumber(dir, rtPeriodFile, spec.RealtimePeriod)
}

// groupNumber reads a control group's file; one that is not there is of a group
// that is still to be made.
func groupNumber(dir, name string, otherwise float64) float64 {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return otherwise
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(string(b)), 64)
	if err != nil {
		return otherwise
	}
	return n
}

// setGroupNumber writes a control group's file, and makes the group if need be.
func setGroupNumber(dir, name string, n int64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // as the OCI runtime makes them
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE, 0o644) //nolint:gosec // the kernel's own file
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.FormatInt(n, 10))
	return errors.Join(err, f.Close())
}
