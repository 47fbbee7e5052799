package ui

import (
	"fmt"
	"io"
	"testing"
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// benchPlan is the plan of a stack of n services: the first up, or one that
// replaces every container.
func benchPlan(b *testing.B, n int, replace bool) *planner.Plan {
	b.Helper()
	s := &spec.Stack{Name: "demo", Networks: []spec.Network{{Key: "default", Name: "demo_default"}}}
	st := planner.State{Stack: "demo", Images: []planner.Image{{Ref: "i", Local: "sha256:1", Wanted: "sha256:1"}}}
	for i := range n {
		v := spec.Service{
			Name: fmt.Sprintf("s%d", i), Image: "i", Replicas: 1, Networks: []spec.Attachment{{Network: "default"}},
			Environment: []spec.Pair{{Name: "LEVEL", Value: "debug"}},
		}
		s.Services = append(s.Services, v)
		if replace {
			v.Environment = []spec.Pair{{Name: "LEVEL", Value: "info"}}
			st.Containers = append(st.Containers, planner.Container{
				ID: planner.ContainerID("demo", v.Name, 1, 1), Ref: container(v.Name, 1), Generation: 1,
				Service: v, Hash: v.Hash(), Digest: "sha256:1", Task: planner.TaskRunning,
			})
		}
	}
	p, err := planner.Make(s, st, planner.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func BenchmarkPlan(b *testing.B) {
	forms := map[string]func(*planner.Plan) error{
		"text": func(p *planner.Plan) error { return Plan(io.Discard, p, PlanOptions{}) },
		"json": func(p *planner.Plan) error { return PlanJSON(io.Discard, p, false) },
	}
	for _, what := range []string{"first", "replace"} {
		for _, form := range []string{"text", "json"} {
			for _, n := range []int{50, 1000} {
				b.Run(fmt.Sprintf("%s/%s/%d", what, form, n), func(b *testing.B) {
					p := benchPlan(b, n, what == "replace")
					b.ReportAllocs()
					for b.Loop() {
						if err := forms[form](p); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

func BenchmarkPs(b *testing.B) {
	forms := map[string]func([]PsRow) error{
		"table": func(rows []PsRow) error { return (&Ps{}).Write(io.Discard, rows, epoch()) },
		"json":  func(rows []PsRow) error { return psJSON(io.Discard, rows, epoch()) },
	}
	for _, form := range []string{"table", "json"} {
		for _, n := range []int{50, 1000} {
			b.Run(fmt.Sprintf("%s/%d", form, n), func(b *testing.B) {
				var rows []PsRow
				for i := range n {
					r := psRows()[0]
					r.Name, r.Service, r.Index = fmt.Sprintf("demo-s%d-1", i), fmt.Sprintf("s%d", i), 1
					rows = append(rows, r)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := forms[form](rows); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkFrame draws a run of 50 services half-way; the terminal gets such
// a frame several times a second.
func BenchmarkFrame(b *testing.B) {
	m := &Model{}
	for i, s := range benchPlan(b, 50, false).Steps {
		m.Apply(event.Event{Time: epoch(), Step: s.ID, Op: s.Op, Ref: s.Ref, Phase: event.Started})
		if i%2 == 0 {
			m.Apply(event.Event{Time: epoch().Add(time.Second), Step: s.ID, Op: s.Op, Ref: s.Ref, Phase: event.Done})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if m.Frame(100, epoch().Add(time.Second)) == "" {
			b.Fatal("no frame")
		}
	}
}
