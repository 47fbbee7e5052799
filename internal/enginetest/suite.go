package enginetest

import (
	"context"
	"testing"
	"time"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Suite checks that an engine keeps the contract of executor.Engine. Each
// case gets an engine of its own from newEngine and leaves nothing behind but images.
func Suite(t *testing.T, newEngine func(t *testing.T) Engine, images Images) {
	cases := map[string]func(*subject){
		"a life from create to remove":          life,
		"create twice is create once":           createTwice,
		"remove of what is not there":           removeUnknown,
		"stop of what does not run":             stopIdle,
		"start again after an exit":             startAgain,
		"start of what is not there is refused": startUnknown,
		"a pause and a kill":                    pauseAndKill,
		"wait sees how a process ends":          waitEnds,
		"wait ends with its context":            waitContext,
		"update rewrites the stored model":      updateStored,
		"networks and volumes can be repeated":  places,
		"stacks do not see each other":          twoStacks,
		"pull takes what was planned":           pull,
		"load takes one image of an archive":    load,
		"build names the image it makes":        buildImage,
		"push needs what is here":               push,
		"run to the end leaves nothing":         runToEnd,
	}
	for name, check := range cases {
		t.Run(name, func(t *testing.T) { check(newSubject(t, newEngine(t), images)) })
	}
}

// subject is an engine under test, with a stack of one service.
type subject struct {
	t      *testing.T
	e      Engine
	stack  *spec.Stack
	images Images
	image  planner.Image // images.Present, as observed
}

func newSubject(t *testing.T, e Engine, images Images) *subject {
	s := &subject{t: t, e: e, images: images, stack: &spec.Stack{
		Name:     "suite",
		Dir:      t.TempDir(),
		Networks: []spec.Network{{Key: "default", Name: "suite_default"}},
		Volumes:  []spec.Volume{{Key: "data", Name: "suite_data"}},
		Services: []spec.Service{{
			Name: "job", Image: images.Present, Replicas: 1, Entrypoint: []string{"sh", "-c"}, Command: []string{"sleep 3600"},
			Networks: []spec.Attachment{{Network: "default"}},
			Mounts:   []spec.Mount{{Type: spec.MountVolume, Source: "data", Target: "/data"}},
			Restart:  spec.Restart{Policy: spec.RestartNo},
		}},
	}}
	for _, i := range s.observe().Images {
		if i.Ref == images.Present {
			s.image = i
		}
	}
	if s.image.Local == "" {
		t.Fatalf("image %s is not here: %s", images.Present, s.image.Err)
	}
	t.Cleanup(s.cleanUp)
	s.ok("create network", e.CreateNetwork(t.Context(), "suite", s.stack.Networks[0]))
	s.ok("create volume", e.CreateVolume(t.Context(), "suite", s.stack.Volumes[0]))
	return s
}

// cleanUp takes away all that a case may have left.
func (s *subject) cleanUp() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), time.Minute)
	defer cancel()
	state, err := s.e.Observe(ctx, s.stack)
	s.ok("observe", err)
	for _, c := range state.Containers {
		s.ok("stop", s.e.Stop(ctx, c.ID, 0))
		s.ok("remove", s.e.Remove(ctx, c.ID))
	}
	s.ok("remove network", s.e.RemoveNetwork(ctx, "suite", "suite_default"))
	s.ok("remove volume", s.e.RemoveVolume(ctx, "suite", "suite_data"))
}

func (s *subject) ok(what string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

func (s *subject) refused(what string, err error) {
	s.t.Helper()
	if err == nil {
		s.t.Fatalf("%s: no error", what)
	}
}

func (s *subject) observe() planner.State {
	s.t.Helper()
	state, err := s.e.Observe(s.t.Context(), s.stack)
	s.ok("observe", err)
	return state
}

// task gives the only container of the stack, which must be in that state.
func (s *subject) task(want planner.TaskState) planner.Container {
	s.t.Helper()
	state := s.observe()
	if len(state.Containers) != 1 || state.Containers[0].Task != want {
		s.t.Fatalf("containers %+v, want one that is %s", state.Containers, want)
	}
	return state.Containers[0]
}

// box is the model of the only container, running a shell command.
func (s *subject) box(command string) executor.ContainerSpec {
	service := s.stack.Services[0]
	service.Command = []string{command}
	return executor.ContainerSpec{
		ID: planner.ContainerID("suite", "job", 1, 1), Stack: "suite", Dir: s.stack.Dir,
		Ref: planner.Ref{Kind: planner.KindContainer, Name: "job", Index: 1}, Generation: 1,
		Name: "suite-job-1", Digest: s.image.Local, Hash: service.Hash(), Service: service,
		Networks: s.stack.Networks, Volumes: s.stack.Volumes,
	}
}

// begin creates and starts the container.
func (s *subject) begin(command string) executor.ContainerSpec {
	s.t.Helper()
	c := s.box(command)
	s.ok("create", s.e.Create(s.t.Context(), c))
	s.ok("start", s.e.Start(s.t.Context(), c.ID))
	return c
}
