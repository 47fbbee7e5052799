package enginetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Images are what the cases of Suite bring in, build, and give away. Containers of all
// of them must be able to run sh and sleep.
type Images struct {
	Present  string // on the engine
	Pullable string // in a registry, and not on the engine
	Digest   string // of Pullable's manifest, as the registry has it
	Archive  string // file with the image Archived
	Archived string // not on the engine
	Pushable string // a name in a registry that takes it
}

// local is the digest of an image on the engine; empty: it is not there.
func (s *subject) local(ref string) string {
	s.t.Helper()
	state, err := s.e.Observe(s.t.Context(), &spec.Stack{Name: "suite-images", Dir: s.stack.Dir, Services: []spec.Service{{Name: "any", Image: ref}}})
	s.ok("observe", err)
	for _, i := range state.Images {
		if i.Ref == ref {
			return i.Local
		}
	}
	return ""
}

func pull(s *subject) {
	report := func(done, total int64) {
		if done > total {
			s.t.Errorf("%d bytes of %d", done, total)
		}
	}
	s.refused("pull what the registry has under another digest", s.e.Pull(s.t.Context(), s.images.Pullable, "sha256:"+noDigest, report))
	for range 2 {
		s.ok("pull", s.e.Pull(s.t.Context(), s.images.Pullable, s.images.Digest, report))
	}
	if got := s.local(s.images.Pullable); got != s.images.Digest {
		s.t.Errorf("pulled %s, want %s", got, s.images.Digest)
	}
	s.refused("pull what no registry has", s.e.Pull(s.t.Context(), s.images.Pullable+"-none", s.images.Digest, report))
}

// noDigest is the hexadecimal part of a digest that nothing has.
const noDigest = "0000000000000000000000000000000000000000000000000000000000000000"

func load(s *subject) {
	s.refused("load what the archive has not", s.e.Load(s.t.Context(), s.images.Archived+"-none", s.images.Archive))
	for range 2 {
		s.ok("load", s.e.Load(s.t.Context(), s.images.Archived, s.images.Archive))
	}
	if s.local(s.images.Archived) == "" {
		s.t.Error("the loaded image is not here")
	}
}

func buildImage(s *subject) {
	folder := s.t.TempDir()
	text := "FROM " + s.images.Present + "\nRUN echo built >/tmp/mark || true\n"
	if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	b := executor.BuildSpec{
		Ref: "stackup.test/suite-built:1", Dir: folder,
		Build: &spec.Build{Context: folder, Dockerfile: "Dockerfile", Tags: []string{"stackup.test/suite-built:again"}},
	}
	var lines atomic.Int64
	s.ok("build", s.e.Build(s.t.Context(), b, func(string) { lines.Add(1) }))
	first := s.local(b.Ref)
	if first == "" || s.local(b.Build.Tags[0]) != first {
		s.t.Errorf("built: %q, and by its other tag %q", first, s.local(b.Build.Tags[0]))
	}
	if lines.Load() == 0 {
		s.t.Error("the build has told nothing")
	}
}

func push(s *subject) {
	s.refused("push what is not here", s.e.Push(s.t.Context(), s.images.Pushable+"-none"))
	for range 2 {
		s.ok("push", s.e.Push(s.t.Context(), s.images.Pushable))
	}
}

// untilRunning waits until the stack has a container that runs, or ctx ends.
func (s *subject) untilRunning(ctx context.Context) {
	for ctx.Err() == nil {
		state, err := s.e.Observe(ctx, s.stack)
		if err == nil && len(state.Containers) == 1 && state.Containers[0].Task == planner.TaskRunning {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func runToEnd(s *subject) {
	ctx := s.t.Context()
	s.ok("run what ends with 0", s.e.RunToEnd(ctx, s.box("exit 0")))
	s.refused("run what ends with 3", s.e.RunToEnd(ctx, s.box("exit 3")))
	short, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var looks sync.WaitGroup
	looks.Go(func() {
		defer cancel()
		s.untilRunning(short)
	})
	s.refused("run what does not end", s.e.RunToEnd(short, s.box("sleep 3600")))
	cancel()
	looks.Wait()
	if left := s.observe().Containers; len(left) > 0 {
		s.t.Errorf("left: %+v", left)
	}
}
