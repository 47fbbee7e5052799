package planner

import (
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

// wantedDigest is the manifest that new containers are made from; empty if
// nobody knows.
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

// pull plans that the image of s comes in, where it must. Only what a
// container is made from is pulled: a running container needs no image.
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
