package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// links reads "NAME[:ALIAS]" of links and external_links.
func (c *converter) links(cfg types.ServiceConfig, p *types.Project) []Link {
	var out []Link
	add := func(attr, text string, to func(name, alias string) Link) {
		name, alias, _ := strings.Cut(text, ":")
		alias = cmp.Or(alias, name)
		if !isHost(alias) {
			c.problem(attr, "%q is not a host name", printable(alias))
		}
		out = append(out, to(name, alias))
	}
	for i, text := range cfg.Links {
		attr := fmt.Sprintf("links[%d]", i)
		if name, _, _ := strings.Cut(text, ":"); p.Services[name].Name == "" {
			c.problem(attr, "no service %s is defined", printable(name))
		}
		add(attr, text, func(name, alias string) Link { return Link{Service: name, Alias: alias} })
	}
	for i, text := range cfg.ExternalLinks {
		add(fmt.Sprintf("external_links[%d]", i), text, func(name, alias string) Link { return Link{Container: name, Alias: alias} })
	}
	slices.SortStableFunc(out, func(a, b Link) int { return cmp.Compare(a.Alias, b.Alias) })
	return out
}

// volumesFrom adds the mounts of other services, as "SERVICE[:ro|rw]" asks
// for, where the service has none of its own at the place. It follows chains:
// what the other has from a third comes too.
func (s *scan) volumesFrom(st *Stack, p *types.Project) {
	done, active := map[string]bool{}, []string{}
	var fill func(v *Service)
	fill = func(v *Service) {
		if done[v.Name] {
			return
		}
		done[v.Name] = true
		active = append(active, v.Name)
		defer func() { active = active[:len(active)-1] }()
		for i, text := range p.Services[v.Name].VolumesFrom {
			path := fmt.Sprintf("services.%s.volumes_from[%d]", v.Name, i)
			name, mode, _ := strings.Cut(text, ":")
			from := st.Service(name)
			switch {
			case name == "container":
				s.rep.addf(s.all.find(path), path, "volumes of a container of no service are not supported yet; name the service")
			case from == nil:
				s.rep.addf(s.all.find(path), path, "no service %s is defined", printable(name))
			case slices.Contains(active, name):
				s.rep.addf(s.all.find(path), path, "volumes_from cycle: %s -> %s", strings.Join(active, " -> "), name)
			default:
				fill(from)
				takeMounts(v, from, mode == "ro")
			}
		}
	}
	for i := range st.Services {
		fill(&st.Services[i])
	}
}

func takeMounts(v, from *Service, readOnly bool) {
	for _, m := range from.Mounts {
		if slices.ContainsFunc(v.Mounts, func(o Mount) bool { return o.Target == m.Target }) || m.Type == MountTmpfs {
			continue // its own stands; memory is not shared
		}
		m.ReadOnly = m.ReadOnly || readOnly
		if m.Type == MountVolume && m.Source == "" {
			m.Of = cmp.Or(m.Of, from.Name)
		}
		v.Mounts = append(v.Mounts, m)
	}
	slices.SortFunc(v.Mounts, func(a, b Mount) int { return cmp.Compare(a.Target, b.Target) })
}
