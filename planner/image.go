package planner

import (
	"slices"

	"stackup.dev/stackup/spec"
)

// image finds what was observed of an image reference; nil if nothing was.
func (m *maker) image(ref string) *Image {
	for i := range m.have.Images {
		if m.have.Images[i].Ref == ref {
			return &m.have.Images[i]
		}
	}
	return nil
}

// digest is the manifest that new containers of s are made from; empty if it is
// yet to be built, or if nobody knows.
func (m *maker) digest(s *spec.Service) string {
	if m.due(s.Image) {
		return ""
	}
	return wantedDigest(m.image(s.Image))
}

func wantedDigest(i *Image) string {
	switch {
	case i == nil:
		return ""
	case i.Wanted != "":
		return i.Wanted
	default:
		return i.Local
	}
}

// bring plans that the image of s is built or pulled, where it must. Only what
// a container is made from is: a running container needs no image.
func (m *maker) bring(s *spec.Service) (StepID, bool) {
	if m.due(s.Image) {
		return m.build(s.Image), true
	}
	if i := m.image(s.Image); i != nil && i.Build != nil && i.Build.Err != "" && !m.opt.NoBuild {
		if i.Local == "" {
			m.problem("service %s: image %s cannot be built: %s", s.Name, s.Image, i.Build.Err)
			return "", false
		}
		m.note("image " + s.Image + ": whether it is up to date is not known: " + i.Build.Err)
	}
	if i := m.image(s.Image); i != nil && i.Local == "" && m.opt.NoBuild && m.builder(s.Image) != nil {
		m.problem("service %s: image %s: it has not been built, and --no-build is given", s.Name, s.Image)
		return "", false
	}
	if i := m.image(s.Image); i != nil && i.Build != nil && i.Build.Unknown {
		m.note("image " + s.Image + " was not built here: whether it is up to date is not known (stackup build builds it)")
	}
	return m.pull(s)
}

// note tells the reader something, once.
func (m *maker) note(note string) {
	if !slices.Contains(m.notices, note) {
		m.notices = append(m.notices, note)
	}
}

func (m *maker) pull(s *spec.Service) (StepID, bool) {
	i := m.image(s.Image)
	digest := wantedDigest(i)
	switch {
	case i == nil:
		m.problem("service %s: image %s: nobody looked for it", s.Name, s.Image)
		return "", false
	case i.Local == "" && i.Err != "":
		m.problem("service %s: image %s: %s", s.Name, s.Image, i.Err)
		return "", false
	case digest == "":
		m.problem("service %s: image %s: its digest is not known", s.Name, s.Image)
		return "", false
	case digest == i.Local:
		return "", false
	}
	return m.add(Step{
		ID:     StepID("pull/" + s.Image),
		Op:     OpPull,
		Ref:    Ref{Kind: KindImage, Name: s.Image},
		Object: s.Image,
		Digest: digest,
		Reason: Reason{Code: Missing},
	}), true
}
