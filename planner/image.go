package planner

import (
	"slices"
	"strings"

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

// Mounted gives the digests of the images that a container of s is to mount, by
// reference; empty for one that the plan builds.
func (p *Plan) Mounted(s *spec.Service) map[string]string {
	var out map[string]string
	for _, ref := range s.MountedImages() {
		if out == nil {
			out = map[string]string{}
		}
		out[ref] = ""
		if i := slices.IndexFunc(p.Prior.Images, func(i Image) bool { return i.Ref == ref }); i >= 0 {
			out[ref] = wantedDigest(&p.Prior.Images[i])
		}
		if slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Op == OpBuild && s.Object == ref }) {
			out[ref] = ""
		}
	}
	return out
}

// remounted lists the images that s mounts and that are no longer what c has
// mounted.
func (m *maker) remounted(c *Container, s *spec.Service) []spec.Change {
	var out []spec.Change
	for _, ref := range s.MountedImages() {
		now := wantedDigest(m.image(ref))
		if m.due(ref) {
			now = "built anew"
		}
		if now != "" && now != c.Mounted[ref] {
			out = append(out, spec.Change{Field: "image digest of " + ref, Old: c.Mounted[ref], New: now})
		}
	}
	return out
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

// bring plans that the images of s, its own and those that it mounts, are built
// or pulled, where they must. Only what a container is made from is: a running
// container needs no image.
func (m *maker) bring(s *spec.Service) (needs []StepID) {
	for _, ref := range append([]string{s.Image}, s.MountedImages()...) {
		if id, ok := m.bringImage(s, ref); ok && !slices.Contains(needs, id) {
			needs = append(needs, id)
		}
	}
	return needs
}

func (m *maker) bringImage(s *spec.Service, ref string) (StepID, bool) {
	if m.due(ref) {
		return m.build(ref), true
	}
	if i := m.image(ref); i != nil && i.Build != nil && i.Build.Err != "" && !m.opt.NoBuild {
		if i.Local == "" {
			m.problem("service %s: image %s cannot be built: %s", s.Name, ref, i.Build.Err)
			return "", false
		}
		m.note("image " + ref + ": whether it is up to date is not known: " + i.Build.Err)
	}
	if i := m.image(ref); i != nil && i.Local == "" && m.opt.NoBuild && m.builder(ref) != nil {
		m.problem("service %s: image %s: it has not been built, and --no-build is given", s.Name, ref)
		return "", false
	}
	if i := m.image(ref); i != nil && i.Build != nil && i.Build.Unknown {
		m.note("image " + ref + " was not built here: whether it is up to date is not known (stackup build builds it)")
	}
	return m.pull(s, ref)
}

// note tells the reader something, once.
func (m *maker) note(note string) {
	if !slices.Contains(m.notices, note) {
		m.notices = append(m.notices, note)
	}
}

func (m *maker) pull(s *spec.Service, ref string) (StepID, bool) {
	i := m.image(ref)
	digest := wantedDigest(i)
	switch {
	case i == nil:
		m.problem("service %s: image %s: nobody looked for it", s.Name, ref)
		return "", false
	case i.Local == "" && i.Err != "":
		m.problem("service %s: image %s: %s", s.Name, ref, i.Err)
		return "", false
	case i.Local == "" && m.want.Archive(ref) != "":
		return m.load(ref), true
	case digest == "":
		m.problem("service %s: image %s: its digest is not known", s.Name, ref)
		return "", false
	case digest == i.Local:
		return "", false
	}
	return m.add(Step{
		ID:     StepID("pull/" + ref),
		Op:     OpPull,
		Ref:    Ref{Kind: KindImage, Name: ref},
		Object: ref,
		Digest: digest,
		Reason: Reason{Code: Missing},
	}), true
}

// load takes the image out of its archive. What digest it has is known then.
func (m *maker) load(ref string) StepID {
	return m.add(Step{
		ID:     StepID("load/" + ref),
		Op:     OpLoad,
		Ref:    Ref{Kind: KindImage, Name: ref},
		Object: ref,
		Reason: Reason{Code: Missing, Detail: "from " + strings.TrimPrefix(m.want.Archive(ref), m.want.Dir+"/")},
	})
}
