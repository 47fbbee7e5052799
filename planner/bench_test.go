package planner

import (
	"fmt"
	"testing"

	"stackup.dev/stackup/spec"
)

func BenchmarkMake(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := &spec.Stack{Name: "s", Networks: []spec.Network{{Key: "default", Name: "s_default"}}}
			st := State{Stack: "s", Images: []Image{{Ref: "i", Local: "sha256:1"}}}
			for i := range n {
				service := spec.Service{
					Name: fmt.Sprintf("s%04d", i), Image: "i", Replicas: 1,
					Networks: []spec.Attachment{{Network: "default"}},
				}
				s.Services = append(s.Services, service)
				old := service
				old.Environment = []spec.Pair{{Name: "V", Value: "old"}}
				st.Containers = append(st.Containers, Container{
					ID: ContainerID("s", service.Name, 1, 1), Ref: Ref{KindContainer, service.Name, 1},
					Generation: 1, Service: old, Hash: old.Hash(), Digest: "sha256:1", Task: TaskRunning,
				})
			}
			for b.Loop() {
				if _, err := Make(s, st, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
