package planner

import (
	"slices"

	"stackup.dev/stackup/spec"
)

// Build is what was observed of the inputs of an image that the stack builds.
type Build struct {
	Unknown bool          // the image is here, and nobody knows what it was made from
	Changed []spec.Change // inputs that are not those the local image was built from
	Bases   []string      // images that it starts from
	Err     string        // why its inputs are not known; empty if they are
}

// builder is the service whose build makes an image; nil if none does, or only
// when it is asked to.
func (m *maker) builder(ref string) *spec.Service {
	for i := range m.want.Services {
		if s := &m.want.Services[i]; s.Image == ref && s.Build != nil && (!s.Build.Asked || m.opt.Build) {
			return s
		}
	}
	return nil
}

// due says whether an image is to be built: it is not here, or an input of it
// or of an image that it starts from has changed, or it was asked for.
func (m *maker) due(ref string) bool {
	if known, ok := m.dues[ref]; ok {
		return known
	}
	m.dues[ref] = false // ends a cycle; ordering the steps reports it
	s, i := m.builder(ref), m.image(ref)
	if s == nil || i == nil || m.opt.NoBuild || i.Build != nil && i.Build.Err != "" && !m.opt.Build {
		return false
	}
	is := m.opt.Build || i.Local == "" || i.Build != nil && len(i.Build.Changed) > 0 ||
		slices.ContainsFunc(m.bases(s), func(base string) bool { return m.due(base) || m.moves(base) })
	m.dues[ref] = is
	return is
}

// moves says whether another manifest of an image is about to come in.
func (m *maker) moves(ref string) bool {
	i := m.image(ref)
	return i != nil && i.Local != "" && wantedDigest(i) != i.Local
}

// bases are the images that a build starts from, as far as they are known.
func (m *maker) bases(s *spec.Service) []string {
	var out []string
	if i := m.image(s.Image); i != nil && i.Build != nil {
		out = append(out, i.Build.Bases...)
	}
	for _, name := range s.Build.Uses() {
		if base := m.want.Service(name); base != nil {
			out = append(out, base.Image)
		}
	}
	return out
}

// build plans that a due image is made, after those it starts from.
func (m *maker) build(ref string) StepID {
	id := StepID("build/" + ref)
	if m.byID[id] != nil {
		return id
	}
	m.add(Step{ID: id, Op: OpBuild, Ref: Ref{Kind: KindImage, Name: ref}, Object: ref, Reason: m.whyBuild(ref)})
	for _, base := range m.bases(m.builder(ref)) {
		if before, ok := m.bringBase(base); ok {
			m.byID[id].Needs = append(m.byID[id].Needs, before)
		}
	}
	return id
}

// bringBase plans that an image comes in first that a build starts from, where
// the stack itself builds or pulls it.
func (m *maker) bringBase(ref string) (StepID, bool) {
	if m.due(ref) {
		return m.build(ref), true
	}
	for i := range m.want.Services {
		if s := &m.want.Services[i]; s.Image == ref && wantedDigest(m.image(ref)) != "" {
			return m.pull(s, ref)
		}
	}
	return "", false
}

// Ahead is the part of a plan that is to be carried out before the rest can be
// known: builds, with what they need. What comes of them decides whether
// containers are replaced.
func (p *Plan) Ahead() *Plan {
	out := &Plan{Desired: p.Desired, Prior: p.Prior, Stack: p.Stack}
	wanted := map[StepID]bool{}
	for _, s := range slices.Backward(p.Steps) {
		if s.Op == OpBuild || wanted[s.ID] {
			out.Steps = append(out.Steps, s)
			for _, id := range s.Needs {
				wanted[id] = true
			}
		}
	}
	slices.Reverse(out.Steps)
	return out
}

func (m *maker) whyBuild(ref string) Reason {
	i := m.image(ref)
	switch {
	case i.Local == "":
		return Reason{Code: Missing, Detail: "it is built by the stack"}
	case i.Build != nil && len(i.Build.Changed) > 0:
		return Reason{Code: ConfigChanged, Fields: i.Build.Changed}
	case m.opt.Build:
		return Reason{Code: Forced, Detail: "--build"}
	default:
		return Reason{Code: DependencyOf, Detail: "an image that it starts from is built anew"}
	}
}

// Builds plans the builds alone, of all services or of some: due or not.
// Services without a build have none; asking for one by name is an error.
func Builds(desired *spec.Stack, actual State, only []string) (*Plan, error) {
	m := newMaker(desired, actual, Options{Build: true})
	for _, name := range only {
		switch s := m.want.Service(name); {
		case s == nil:
			m.unknown(name)
		case s.Build == nil:
			m.problem("service %s has nothing to build: its image is %s", name, s.Image)
		}
	}
	if err := m.joined(); err != nil {
		return nil, err
	}
	for _, s := range m.want.Services {
		if s.Build != nil && (len(only) == 0 || slices.Contains(only, s.Name)) {
			m.build(s.Image)
		}
	}
	for _, s := range m.steps {
		s.Reason = Reason{Code: Forced}
	}
	steps, err := order(m.steps)
	if err != nil {
		return nil, err
	}
	return &Plan{Desired: desired, Prior: actual, Stack: desired.Name, Steps: steps}, nil
}
