package planner

import (
	"stackup.dev/stackup/spec"
)

// why says why a new incarnation of r must be made.
func (m *maker) why(r *replica) Reason {
	if len(r.olds) == 0 {
		return Reason{Code: Missing}
	}
	old := r.serving()
	if old == nil {
		old = r.olds[len(r.olds)-1]
	}
	digest := m.digestChange(old, r.want)
	if old.Hash == r.want.Hash() {
		return m.whySameHash(old, r.want, append(digest, m.remounted(old, r.want)...))
	}
	fields := append(spec.DiffRecreate(&old.Service, r.want), m.moved(old, r.want)...)
	if old.Service.Image == r.want.Image {
		fields = append(fields, digest...)
	}
	reason := Reason{Code: ConfigChanged, Fields: fields}
	if len(fields) == 0 {
		reason.Detail = "made by another version of stackup"
	}
	return reason
}

func (m *maker) whySameHash(old *Container, want *spec.Service, digest []spec.Change) Reason {
	if moved := m.moved(old, want); len(moved) > 0 {
		return Reason{Code: ConfigChanged, Fields: moved}
	}
	if len(digest) > 0 {
		return Reason{Code: ImageChanged, Fields: digest}
	}
	if of := m.sharesRenewed(want); of != "" {
		return Reason{Code: Forced, Detail: "it shares the volumes of " + of + ", which are new"}
	}
	if !m.named(want.Name) {
		return Reason{Code: Forced, Detail: "--always-recreate-deps"}
	}
	return Reason{Code: Forced, Detail: "--force-recreate"}
}

func (m *maker) digestChange(old *Container, want *spec.Service) []spec.Change {
	if m.due(want.Image) {
		return []spec.Change{{Field: "image digest", Old: old.Digest, New: "built anew"}}
	}
	digest := m.digest(want)
	if digest == "" || digest == old.Digest {
		return nil
	}
	return []spec.Change{{Field: "image digest", Old: old.Digest, New: digest}}
}

// moved lists the networks and volumes that go by another name on the machine
// than when c was made. A service knows them by key only, so that its hash
// does not tell.
func (m *maker) moved(c *Container, s *spec.Service) []spec.Change {
	var out []spec.Change
	for _, old := range c.Networks {
		for _, n := range m.want.Networks {
			if n.Key == old.Key && n.Name != old.Name && s.Joins(n.Key) {
				out = append(out, spec.Change{Field: "networks." + n.Key + ".name", Old: old.Name, New: n.Name})
			}
		}
	}
	for _, old := range c.Volumes {
		for _, v := range m.want.Volumes {
			if v.Key == old.Key && v.Name != old.Name && s.MountsVolume(v.Key) {
				out = append(out, spec.Change{Field: "volumes." + v.Key + ".name", Old: old.Name, New: v.Name})
			}
		}
	}
	return out
}
