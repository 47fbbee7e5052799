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

// volumesFrom adds the mounts of other services, as "SERVICE[:ro|rw]" or the
// name of one's container asks for, where the service has none of its own at the place. It follows chains:
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
		list, at := p.Services[v.Name].VolumesFrom, "services."+v.Name
		if v.Job != "" {
			list, at = p.Jobs[v.Name].VolumesFrom, "jobs."+v.Name
		}
		for i, text := range list {
			path := fmt.Sprintf("%s.volumes_from[%d]", at, i)
			fail := func(format string, args ...any) { s.rep.addf(s.all.find(path), path, format, args...) }
			name, mode, container := lender(text)
			from := st.Service(name)
			if container {
				from = containerOf(st, name)
			}
			switch {
			case mode != "" && mode != "ro" && mode != "rw":
				fail("%q is neither ro nor rw", printable(mode))
			case container && !isName(name):
				fail("%q is not a container's name", printable(name))
			case container && from == nil:
				v.lend(Lender{Container: name, ReadOnly: mode == "ro"})
			case from == nil:
				fail("no service %s is defined", printable(name))
			case slices.Contains(active, from.Name):
				fail("volumes_from cycle: %s -> %s", strings.Join(active, " -> "), from.Name)
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

// lender reads SERVICE[:MODE] or container:NAME[:MODE].
func lender(text string) (name, mode string, container bool) {
	if rest, ok := strings.CutPrefix(text, "container:"); ok {
		text, container = rest, true
	}
	name, mode, _ = strings.Cut(text, ":")
	return name, mode, container
}

// containerOf is the service of the stack that a container of that name is of,
// its first replica; nil if there is none.
func containerOf(st *Stack, name string) *Service {
	for i := range st.Services {
		v := &st.Services[i]
		if v.ContainerName == name || v.ContainerName == "" && name == st.Name+"-"+v.Name+"-1" {
			return v
		}
	}
	return nil
}

func (s *Service) lend(l Lender) {
	if !slices.ContainsFunc(s.VolumesFrom, func(o Lender) bool { return o.Container == l.Container }) {
		s.VolumesFrom = append(s.VolumesFrom, l)
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
	for _, l := range from.VolumesFrom {
		l.ReadOnly = l.ReadOnly || readOnly
		v.lend(l)
	}
	slices.SortFunc(v.Mounts, func(a, b Mount) int { return cmp.Compare(a.Target, b.Target) })
}
