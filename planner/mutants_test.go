package planner

import (
	"slices"
	"testing"

	"stackup.dev/stackup/spec"
)

// mutant is a way to break the planner: what goes in or what comes out is
// changed. Every one must be caught by a law.
type mutant struct {
	name   string
	input  func(*spec.Stack, *State, *Options)
	output func(*Plan)
}

func (m mutant) plan(s *spec.Stack, a State, o Options) (*Plan, error) {
	if m.input != nil {
		a.Containers, a.Images = slices.Clone(a.Containers), slices.Clone(a.Images)
		stack := *s
		stack.Services = slices.Clone(s.Services)
		s = &stack
		m.input(s, &a, &o)
	}
	p, err := Make(s, a, o)
	if err == nil && m.output != nil {
		m.output(p)
	}
	return p, err
}

// TestLawsCatchBrokenPlanners keeps the laws themselves honest.
func TestLawsCatchBrokenPlanners(t *testing.T) {
	cases := make([]scenario, 400)
	for i := range cases {
		cases[i] = scenarios.Example(i)
	}
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			for _, c := range cases {
				for _, l := range laws {
					if l.holds(c, m.plan) != nil {
						return
					}
				}
			}
			t.Error("no law catches it")
		})
	}
	for _, c := range cases[:50] {
		for _, l := range laws {
			if err := l.holds(c, Make); err != nil {
				t.Errorf("the real planner breaks %q: %v", l.name, err)
			}
		}
	}
}

func mutants() []mutant {
	out := slices.Concat(dropping(), disordering(), wronging(), blinding())
	return append(out, mutant{name: "always empty", output: func(p *Plan) { p.Steps = nil }})
}

// without takes steps out of a plan, mending what referred to them.
func without(p *Plan, drop func(Step) bool) {
	gone := map[StepID]bool{}
	p.Steps = slices.DeleteFunc(p.Steps, func(s Step) bool {
		gone[s.ID] = gone[s.ID] || drop(s)
		return drop(s)
	})
	for i := range p.Steps {
		s := &p.Steps[i]
		s.Needs = slices.DeleteFunc(s.Needs, func(id StepID) bool { return gone[id] })
		s.Rescue = slices.DeleteFunc(s.Rescue, func(id StepID) bool { return gone[id] })
	}
}

func dropping() []mutant {
	drop := func(name string, which func(Step) bool) mutant {
		return mutant{name: name, output: func(p *Plan) { without(p, which) }}
	}
	var out []mutant
	for _, op := range []Op{OpPull, OpCreate, OpUpdate, OpStart, OpWait, OpStop, OpRemove} {
		out = append(out, drop("no "+string(op), func(s Step) bool { return s.Op == op }))
	}
	return append(out,
		drop("no rescue", func(s Step) bool { return len(s.Rescue) > 0 }),
		drop("never removes the old one", func(s Step) bool { return s.Op == OpRemove && s.Reason.Code == Replaced }),
		drop("no networks", func(s Step) bool { return s.Ref.Kind == KindNetwork }),
		drop("no volumes", func(s Step) bool { return s.Ref.Kind == KindVolume }),
		drop("leaves debris", func(s Step) bool { return s.Reason.Code == Leftover }),
	)
}

func disordering() []mutant {
	return []mutant{
		{name: "needs are reversed", output: func(p *Plan) { slices.Reverse(p.Steps) }},
		{name: "needs are forgotten", output: eachStep(func(s *Step) { s.Needs = nil })},
		{name: "needs forget the waits", output: eachStep(func(s *Step) {
			s.Needs = slices.DeleteFunc(s.Needs, func(id StepID) bool { return id[:4] == "wait" })
		})},
		{name: "stops before it creates", output: eachStep(func(s *Step) {
			if s.Op == OpStop && s.Reason.Code == Replaced && len(s.Rescue) == 0 {
				s.Needs = nil
			}
		})},
		{name: "starts before the old one stops", output: eachStep(func(s *Step) {
			s.Needs = slices.DeleteFunc(s.Needs, func(id StepID) bool { return s.Op == OpStart && id[:4] == "stop" })
		})},
		{name: "says a step twice", output: func(p *Plan) {
			if len(p.Steps) > 0 {
				p.Steps = append(p.Steps, p.Steps[0])
			}
		}},
	}
}

func eachStep(do func(*Step)) func(*Plan) {
	return func(p *Plan) {
		for i := range p.Steps {
			do(&p.Steps[i])
		}
	}
}
