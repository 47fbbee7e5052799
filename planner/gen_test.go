package planner

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"stackup.dev/stackup/spec"
)

// scenario is one generated case for the laws.
type scenario struct {
	stack *spec.Stack
	state State
	opt   Options
	seed  uint64 // for choices made while a law is checked
}

var scenarios = rapid.Custom(func(t *rapid.T) scenario {
	g := gen{t}
	stack := g.stack()
	return scenario{stack, g.state(stack), g.options(stack), rapid.Uint64().Draw(t, "seed")}
})

type gen struct{ t *rapid.T }

func (g gen) pick(label string, n int) int { return rapid.IntRange(0, n-1).Draw(g.t, label) }

// one is true once in n draws, more or less.
func (g gen) one(label string, n int) bool { return g.pick(label, n) == n-1 }

func (g gen) stack() *spec.Stack {
	s := &spec.Stack{
		Name: "demo",
		Dir:  "/srv/demo",
		Networks: []spec.Network{
			{Key: "back", Name: "demo_back"},
			{Key: "ext", Name: "shared", External: true},
			{Key: "front", Name: "demo_front"},
		},
		Volumes:  []spec.Volume{{Key: "data", Name: "demo_data"}, {Key: "lent", Name: "lent", External: true}},
		Disabled: []string{"debug"},
	}
	for _, name := range []string{"a", "b", "c", "d"}[:1+g.pick("services", 4)] {
		s.Services = append(s.Services, g.service(name, s.Services))
	}
	if g.one("built", 3) {
		for i := range s.Services {
			if s.Services[i].Image == "img/two:1" {
				s.Services[i].Build = &spec.Build{Context: "/srv/demo"}
			}
		}
	}
	return s
}

func (g gen) service(name string, before []spec.Service) spec.Service {
	s := spec.Service{
		Name:        name,
		Image:       []string{"img/one:1", "img/two:1"}[g.pick("image", 2)],
		Replicas:    []int{1, 2, 3, 0}[g.pick("replicas", 4)],
		Environment: []spec.Pair{{Name: "V", Value: "1"}},
		Restart:     spec.Restart{Policy: []spec.RestartPolicy{spec.RestartNo, spec.RestartAlways}[g.pick("restart", 2)]},
		StopGrace:   spec.Duration(time.Duration(1+g.pick("grace", 10)) * time.Second),
	}
	if g.one("probed", 2) {
		s.Healthcheck = &spec.Healthcheck{Test: []string{"CMD", "true"}, Disable: g.one("disabled probe", 5)}
	}
	for _, key := range []string{"back", "ext", "front"} {
		if g.one("joins "+key, 2) {
			s.Networks = append(s.Networks, spec.Attachment{Network: key})
		}
	}
	if g.one("mounts", 3) {
		s.Mounts = []spec.Mount{{Type: spec.MountVolume, Source: "data", Target: "/data"}}
	}
	for _, dep := range before {
		if g.one("depends", 2) {
			s.DependsOn = append(s.DependsOn, spec.Dependency{Service: dep.Name, Condition: g.condition(dep), Restart: g.one("restart with it", 3)})
		}
	}
	return s
}

func (g gen) condition(dep spec.Service) spec.Condition {
	// Nothing is both healthy and completed: each service can only be one.
	job := dep.Name == "a" || dep.Name == "c"
	switch c := g.pick("condition", 2); {
	case c == 1 && !job && probed(&dep):
		return spec.Healthy
	case c == 1 && job:
		return spec.Completed
	default:
		return spec.Started
	}
}

func (g gen) options(s *spec.Stack) Options {
	o := Options{
		ForceRecreate: g.one("force", 7),
		RecreateDeps:  g.one("recreate deps", 7),
		RemoveOrphans: g.one("orphans", 2),
		RemoveVolumes: g.one("volumes", 3),
		Wait:          g.one("wait", 3),
		Down:          g.one("down", 7),
	}
	if g.one("timeout", 4) {
		d := 33 * time.Second
		o.Timeout = &d
	}
	if g.one("only", 5) {
		o.Only = []string{s.Services[g.pick("which", len(s.Services))].Name}
	}
	return o
}

func (g gen) state(s *spec.Stack) State {
	st := State{
		Stack: "demo",
		Networks: []Network{
			{Name: "shared", Lost: g.lost("ext")},
			{Key: "net", Name: "other_net", Stack: "other"},
		},
		Volumes: []Volume{{Name: "lent"}, {Key: "data", Name: "other_data", Stack: "other"}},
		Images: []Image{
			{Ref: "img/one:1", Local: "sha256:1", Wanted: "sha256:1"},
			{Ref: "img/two:1", Local: []string{"", "sha256:old", "sha256:2"}[g.pick("local", 3)], Wanted: "sha256:2"},
		},
	}
	if slices.ContainsFunc(s.Services, func(v spec.Service) bool { return v.Build != nil }) {
		two := &st.Images[1]
		two.Wanted, two.Build = two.Local, &Build{}
		if g.one("inputs changed", 2) {
			two.Build.Changed = []spec.Change{{Field: "build.context", Old: "1", New: "2"}}
		}
	}
	for _, key := range []string{"back", "front", "gone", "front_old"} {
		if g.one("has "+key, 2) {
			st.Networks = append(st.Networks, Network{Key: key, Name: "demo_" + key, Stack: "demo", Lost: g.lost(key)})
		}
	}
	if g.one("has data", 2) {
		st.Volumes = append(st.Volumes, Volume{Key: "data", Name: "demo_data", Stack: "demo"})
	}
	if g.one("has anonymous", 3) {
		st.Volumes = append(st.Volumes, Volume{Name: "0a1b", Stack: "demo", Anonymous: true})
	}
	left := []spec.Service{{Name: "debug", Image: "img/one:1"}, {Name: "gone", Image: "img/one:1", Networks: []spec.Attachment{{Network: "gone"}}}}
	for _, service := range slices.Concat(s.Services, left) {
		for n := 1; n <= 4; n++ {
			st.Containers = append(st.Containers, g.incarnations(service, n)...)
		}
	}
	return st
}

// lost makes up what a network has lost.
func (g gen) lost(key string) []string {
	return []string{"the bridge", "a link", "an address", "a route", "the rules"}[:[]int{0, 0, 0, 1, 3, 4, 5}[g.pick("lost of "+key, 7)]]
}

// incarnations makes up to three containers of one replica, one of them live.
func (g gen) incarnations(s spec.Service, n int) []Container {
	var out []Container
	lives := false
	for i := range []int{0, 1, 1, 1, 2, 3}[g.pick("incarnations", 6)] {
		c := g.container(s, n, 1+i*(1+g.pick("gap", 2)))
		if slices.ContainsFunc(out, func(o Container) bool { return o.ID == c.ID }) {
			continue
		}
		if live(&c) && lives {
			c.Task, c.Health = TaskNone, HealthNone
		}
		lives = lives || live(&c)
		out = append(out, c)
	}
	return out
}

func (g gen) container(s spec.Service, n, generation int) Container {
	stored := s
	if g.one("edited", 3) {
		stored.Environment = []spec.Pair{{Name: "V", Value: "0"}}
	}
	if g.one("live edit", 4) {
		stored.Restart = spec.Restart{Policy: spec.RestartUnlessStopped}
	}
	c := Container{
		ID:         ContainerID("demo", s.Name, n, generation),
		Ref:        Ref{Kind: KindContainer, Name: s.Name, Index: n},
		Generation: generation,
		Service:    stored,
		Hash:       stored.Hash(),
		Digest:     map[string]string{"img/one:1": "sha256:1", "img/two:1": "sha256:2"}[s.Image],
	}
	if g.one("old digest", 5) {
		c.Digest = "sha256:old"
	}
	if g.one("places known", 2) {
		c.Networks = g.joined(stored)
	}
	if g.one("partial", 8) {
		c.Partial, c.Task = true, TaskNone
		return c
	}
	g.task(&c)
	return c
}

func (g gen) joined(s spec.Service) []spec.Network {
	out := []spec.Network{}
	for _, a := range s.Networks {
		name := map[string]string{"ext": "shared"}[a.Network]
		if name == "" {
			name = "demo_" + a.Network
		}
		if a.Network == "front" && g.one("moved", 4) {
			name = "demo_front_old"
		}
		out = append(out, spec.Network{Key: a.Network, Name: name})
	}
	return out
}

func (g gen) task(c *Container) {
	c.Task = []TaskState{TaskRunning, TaskRunning, TaskRunning, TaskPaused, TaskStopped, TaskCreated, TaskNone, TaskOrphaned}[g.pick("task", 8)]
	if c.Task == TaskStopped {
		c.ExitCode = g.pick("code", 2)
	}
	if live(c) && probed(&c.Service) {
		c.Health = []Health{HealthStarting, HealthHealthy, HealthUnhealthy}[g.pick("health", 3)]
	}
}
