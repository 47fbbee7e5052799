package planner

import (
	"slices"
	"time"

	"stackup.dev/stackup/spec"
)

// wronging are planners that do the wrong thing.
func wronging() []mutant {
	extra := func(name string, s Step) mutant {
		return mutant{name: name, output: func(p *Plan) { p.Steps = append(p.Steps, s) }}
	}
	why := Reason{Code: Orphan}
	return []mutant{
		extra("removes a foreign network", Step{
			ID: "remove/network/other_net", Op: OpRemove, Ref: Ref{Kind: KindNetwork, Name: "net"}, Object: "other_net", Reason: why,
		}),
		{name: "removes volumes without consent", output: func(p *Plan) {
			for _, v := range p.Prior.Volumes {
				if v.Stack == "demo" && v.Anonymous {
					p.Steps = append(p.Steps, Step{
						ID: "remove/volume/x", Op: OpRemove, Ref: Ref{Kind: KindVolume, Name: v.Name}, Object: v.Name, Reason: why, Danger: true,
					})
				}
			}
		}},
		{name: "touches what is unchanged", output: func(p *Plan) {
			for _, k := range p.Keep {
				if k.Ref.Kind == KindContainer {
					p.Steps = append(p.Steps, Step{ID: "update/kept", Op: OpUpdate, Ref: k.Ref, Object: k.Object, Reason: why})
				}
			}
		}},
		{name: "wrong grace", output: eachStep(func(s *Step) { s.Grace += time.Second })},
		{name: "no reasons", output: eachStep(func(s *Step) { s.Reason = Reason{} })},
		{name: "reasons without fields", output: eachStep(func(s *Step) { s.Reason.Fields = nil })},
		{name: "wrong digest", output: eachStep(func(s *Step) { s.Digest += "0" })},
		{name: "volumes go without a warning", output: eachStep(func(s *Step) { s.Danger = false })},
		{name: "makes a twin", output: eachStep(func(s *Step) {
			if s.Op == OpCreate && s.Ref.Kind == KindContainer {
				s.Object = ContainerID("demo", s.Ref.Name, s.Ref.Index, 1)
			}
		})},
	}
}

// blinding are planners that do not see something.
func blinding() []mutant {
	eachBox := func(do func(*spec.Stack, *Container)) func(*spec.Stack, *State, *Options) {
		return func(s *spec.Stack, a *State, _ *Options) {
			for i := range a.Containers {
				do(s, &a.Containers[i])
			}
		}
	}
	return []mutant{
		{name: "forgets who follows", input: func(s *spec.Stack, _ *State, _ *Options) {
			for i := range s.Services {
				s.Services[i].DependsOn = slices.Clone(s.Services[i].DependsOn)
				for j := range s.Services[i].DependsOn {
					s.Services[i].DependsOn[j].Restart = false
				}
			}
		}},
		{name: "ignores the hash", input: eachBox(func(s *spec.Stack, c *Container) {
			if w := s.Service(c.Ref.Name); w != nil {
				c.Hash = w.Hash()
			}
		})},
		{name: "ignores the digest", input: eachBox(func(_ *spec.Stack, c *Container) {
			if c.Digest == "sha256:old" {
				c.Digest = map[string]string{"img/one:1": "sha256:1", "img/two:1": "sha256:2"}[c.Service.Image]
			}
		})},
		{name: "sees no loss", input: func(_ *spec.Stack, a *State, _ *Options) {
			a.Networks = slices.Clone(a.Networks)
			for i := range a.Networks {
				a.Networks[i].Lost = nil
			}
		}},
		{name: "ignores where networks moved", input: eachBox(func(_ *spec.Stack, c *Container) { c.Networks = nil })},
		{name: "takes debris for containers", input: eachBox(func(_ *spec.Stack, c *Container) { c.Partial = false })},
		{name: "takes all for running", input: eachBox(func(_ *spec.Stack, c *Container) { c.Task = TaskRunning })},
		{name: "takes none for running", input: eachBox(func(_ *spec.Stack, c *Container) { c.Task = TaskNone })},
		{name: "takes all for healthy", input: eachBox(func(_ *spec.Stack, c *Container) { c.Health = HealthHealthy })},
		{name: "ignores exit codes", input: eachBox(func(_ *spec.Stack, c *Container) { c.ExitCode = 0 })},
		{name: "forgets disabled services", input: func(s *spec.Stack, _ *State, o *Options) { s.Disabled, o.RemoveOrphans = nil, true }},
		{name: "removes orphans unasked", input: func(_ *spec.Stack, _ *State, o *Options) { o.RemoveOrphans = true }},
		{name: "ignores only", input: func(_ *spec.Stack, _ *State, o *Options) { o.Only = nil }},
		{name: "ignores force", input: func(_ *spec.Stack, _ *State, o *Options) { o.ForceRecreate = false }},
		{name: "takes all down", input: func(_ *spec.Stack, _ *State, o *Options) {
			if o.Down {
				o.Only = nil
			}
		}},
		{name: "forces dependencies", input: func(_ *spec.Stack, _ *State, o *Options) { o.RecreateDeps = true }},
		{name: "always forces", input: func(_ *spec.Stack, _ *State, o *Options) { o.ForceRecreate = true }},
		{name: "ignores wait", input: func(_ *spec.Stack, _ *State, o *Options) { o.Wait = false }},
		{name: "ignores down", input: func(_ *spec.Stack, _ *State, o *Options) { o.Down = false }},
		{name: "ignores dependencies", input: func(s *spec.Stack, _ *State, _ *Options) {
			for i := range s.Services {
				s.Services[i].DependsOn = nil
			}
		}},
		{name: "depends on the order of input", input: func(_ *spec.Stack, a *State, _ *Options) {
			if n := len(a.Containers); n > 1 && a.Containers[0].ID > a.Containers[n-1].ID {
				a.Containers = a.Containers[:n-1]
			}
		}},
		{name: "changes its input", input: func(_ *spec.Stack, a *State, _ *Options) {
			a.Networks[0].Subnet += "x"
		}},
	}
}
