package enginetest

import (
	"context"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func life(s *subject) {
	ctx, c := s.t.Context(), s.box("sleep 3600")
	s.ok("create", s.e.Create(ctx, c))
	got := s.task(planner.TaskNone)
	want := planner.Container{
		ID: c.ID, Ref: c.Ref, Name: c.Name, Generation: 1, Hash: c.Hash, Digest: c.Digest, Service: c.Service,
		Networks: got.Networks, Volumes: got.Volumes, Task: planner.TaskNone,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("observed (-want +got):\n%s", diff)
	}
	s.ok("start", s.e.Start(ctx, c.ID))
	s.ok("wait", s.e.Wait(ctx, c.ID, spec.Started))
	s.task(planner.TaskRunning)
	s.ok("stop", s.e.Stop(ctx, c.ID, time.Second))
	if got := s.observe().Containers[0].Task; got != planner.TaskStopped && got != planner.TaskNone {
		s.t.Errorf("task is %s after stop", got)
	}
	s.ok("remove", s.e.Remove(ctx, c.ID))
	if left := s.observe().Containers; len(left) > 0 {
		s.t.Errorf("left: %+v", left)
	}
}

func createTwice(s *subject) {
	c := s.box("sleep 3600")
	for range 2 {
		s.ok("create", s.e.Create(s.t.Context(), c))
	}
	s.task(planner.TaskNone)
	s.ok("start", s.e.Start(s.t.Context(), c.ID))
	s.task(planner.TaskRunning)
}

func removeUnknown(s *subject) {
	c := s.begin("exit 0")
	s.ok("wait", s.e.Wait(s.t.Context(), c.ID, spec.Completed))
	for range 2 {
		s.ok("remove", s.e.Remove(s.t.Context(), c.ID))
	}
	s.ok("remove", s.e.Remove(s.t.Context(), "suite-never-1-g1"))
}

func stopIdle(s *subject) {
	s.ok("stop", s.e.Stop(s.t.Context(), "suite-never-1-g1", time.Second))
	c := s.box("sleep 3600")
	s.ok("create", s.e.Create(s.t.Context(), c))
	s.ok("stop", s.e.Stop(s.t.Context(), c.ID, time.Second))
	s.ok("start", s.e.Start(s.t.Context(), c.ID))
	for range 2 {
		s.ok("stop", s.e.Stop(s.t.Context(), c.ID, time.Second))
	}
}

func startAgain(s *subject) {
	c := s.begin("sleep 3600")
	s.ok("stop", s.e.Stop(s.t.Context(), c.ID, time.Second))
	s.ok("start", s.e.Start(s.t.Context(), c.ID))
	s.task(planner.TaskRunning)
}

func pauseAndKill(s *subject) {
	ctx, c := s.t.Context(), s.begin("sleep 3600")
	for range 2 {
		s.ok("pause", s.e.Pause(ctx, c.ID))
		s.task(planner.TaskPaused)
	}
	for range 2 {
		s.ok("unpause", s.e.Unpause(ctx, c.ID))
		s.task(planner.TaskRunning)
	}
	s.ok("pause", s.e.Pause(ctx, c.ID))
	s.ok("kill", s.e.Kill(ctx, c.ID, "SIGKILL"))
	if got := s.task(planner.TaskStopped); got.ExitCode != 137 {
		s.t.Errorf("exit code %d after SIGKILL, want 137", got.ExitCode)
	}
	s.refused("kill what has ended", s.e.Kill(ctx, c.ID, "SIGKILL"))
	s.refused("pause what has ended", s.e.Pause(ctx, c.ID))
	s.refused("unpause what has ended", s.e.Unpause(ctx, c.ID))
}

func startUnknown(s *subject) {
	s.refused("start", s.e.Start(s.t.Context(), "suite-never-1-g1"))
	s.refused("wait", s.e.Wait(s.t.Context(), "suite-never-1-g1", spec.Started))
}

func waitEnds(s *subject) {
	c := s.begin("exit 3")
	s.refused("wait for exit 3", s.e.Wait(s.t.Context(), c.ID, spec.Completed))
	if got := s.task(planner.TaskStopped); got.ExitCode != 3 {
		s.t.Errorf("exit code %d, want 3", got.ExitCode)
	}
	s.ok("remove", s.e.Remove(s.t.Context(), c.ID))
	c = s.begin("exit 0")
	s.ok("wait for exit 0", s.e.Wait(s.t.Context(), c.ID, spec.Completed))
}

func waitContext(s *subject) {
	c := s.begin("sleep 3600")
	ctx, cancel := context.WithTimeout(s.t.Context(), 50*time.Millisecond)
	defer cancel()
	s.refused("wait for a process that goes on", s.e.Wait(ctx, c.ID, spec.Completed))
	s.task(planner.TaskRunning)
}

func updateStored(s *subject) {
	c := s.begin("sleep 3600")
	c.Service.Restart = spec.Restart{Policy: spec.RestartAlways}
	for range 2 {
		s.ok("update", s.e.Update(s.t.Context(), c.ID, c))
	}
	got := s.task(planner.TaskRunning)
	if got.Service.Restart.Policy != spec.RestartAlways || got.Hash != c.Hash {
		s.t.Errorf("observed %+v", got)
	}
}

func places(s *subject) {
	ctx := s.t.Context()
	s.ok("create network", s.e.CreateNetwork(ctx, "suite", s.stack.Networks[0]))
	s.ok("create volume", s.e.CreateVolume(ctx, "suite", s.stack.Volumes[0]))
	for range 2 {
		s.ok("repair a network that has lost nothing", s.e.RepairNetwork(ctx, "suite_default"))
		s.ok("repair a network that is not there", s.e.RepairNetwork(ctx, "suite_gone"))
	}
	state := s.observe()
	if n, v := ours(state); n != 1 || v != 1 {
		s.t.Errorf("%d networks, %d volumes, want one each", n, v)
	}
	for range 2 {
		s.ok("remove network", s.e.RemoveNetwork(ctx, "suite", "suite_default"))
		s.ok("remove volume", s.e.RemoveVolume(ctx, "suite", "suite_data"))
	}
	if n, v := ours(s.observe()); n != 0 || v != 0 {
		s.t.Errorf("%d networks, %d volumes are left", n, v)
	}
}

func ours(state planner.State) (networks, volumes int) {
	for _, n := range state.Networks {
		if n.Stack == "suite" {
			networks++
		}
	}
	for _, v := range state.Volumes {
		if v.Stack == "suite" {
			volumes++
		}
	}
	return networks, volumes
}

// twoStacks: the other stack is put in its place by a plan, as it is in life.
func twoStacks(s *subject) {
	s.begin("sleep 3600")
	other := &spec.Stack{Name: "suite2", Dir: s.stack.Dir, Services: []spec.Service{s.stack.Services[0]}}
	other.Services[0].Networks, other.Services[0].Mounts = nil, nil
	x := executor.Executor{Engine: s.e}
	for _, o := range []planner.Options{{}, {Down: true}} {
		state, err := s.e.Observe(s.t.Context(), other)
		s.ok("observe", err)
		p, err := planner.Make(other, state, o)
		s.ok("plan", err)
		if p.Empty() {
			s.t.Error("nothing is planned for the other stack")
		}
		_, err = x.Run(s.t.Context(), p)
		s.ok("run", err)
		s.task(planner.TaskRunning)
	}
}
