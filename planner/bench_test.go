package planner

import (
	"fmt"
	"testing"

	"stackup.dev/stackup/spec"
)

// BenchmarkMake plans the first up of a stack, an up that has nothing to do,
// and one after a change of every service.
func BenchmarkMake(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		s := benchStack(n)
		first := State{Stack: s.Name, Images: []Image{{Ref: "i", Local: "sha256:1", Wanted: "sha256:1"}}}
		cases := map[string]struct {
			actual State
			steps  int
		}{
			"first":   {first, 2*n + 1},
			"same":    {benchUp(first, s, func(*spec.Service) {}), 0},
			"changed": {benchUp(first, s, func(v *spec.Service) { v.Environment = nil }), 6 * n},
		}
		for _, name := range []string{"first", "same", "changed"} {
			c := cases[name]
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) { benchMake(b, s, c.actual, c.steps) })
		}
	}
}

func benchMake(b *testing.B, s *spec.Stack, actual State, steps int) {
	b.ReportAllocs()
	for b.Loop() {
		p, err := Make(s, actual, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(p.Steps) != steps {
			b.Fatalf("%d steps, want %d", len(p.Steps), steps)
		}
	}
}

// benchStack is n services that need the first one; five publish a port.
func benchStack(n int) *spec.Stack {
	s := &spec.Stack{Name: "s", Networks: []spec.Network{{Key: "default", Name: "s_default"}}}
	for i := range n {
		v := spec.Service{
			Name: fmt.Sprintf("s%04d", i), Image: "i", Replicas: 1, Command: []string{"sleep", "1000"},
			Environment: []spec.Pair{{Name: "LEVEL", Value: "info"}, {Name: "N", Value: fmt.Sprint(i)}},
			Labels:      []spec.Pair{{Name: "tier", Value: "bench"}},
			Networks:    []spec.Attachment{{Network: "default"}},
		}
		if i < 5 {
			port := uint16(20000 + i)
			v.Ports = []spec.Port{{HostPort: port, HostPortEnd: port, Target: 80, Protocol: "tcp"}}
		}
		if i > 0 {
			v.DependsOn = []spec.Dependency{{Service: "s0000", Condition: spec.Started}}
		}
		s.Services = append(s.Services, v)
	}
	return s
}

// benchUp is the state with all of s running, as it was before the change.
func benchUp(st State, s *spec.Stack, before func(*spec.Service)) State {
	st.Networks = []Network{{Key: "default", Name: "s_default", Stack: s.Name}}
	for _, v := range s.Services {
		before(&v)
		st.Containers = append(st.Containers, Container{
			ID: ContainerID(s.Name, v.Name, 1, 1), Ref: Ref{KindContainer, v.Name, 1}, Name: s.Name + "-" + v.Name + "-1",
			Generation: 1, Service: v, Networks: s.Networks, Hash: v.Hash(), Digest: "sha256:1", Task: TaskRunning,
		})
	}
	return st
}
