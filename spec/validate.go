package spec

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// validate checks what holds between services. Problems go to the report.
func (s *scan) validate(st *Stack) {
	v := &validator{st: st}
	v.between() // references were checked, with better positions, when they were converted
	for _, e := range v.found {
		at := s.all.find(e.Path)
		if p, ok := v.ports[e]; ok {
			at = s.all.portPosition(e.Path, p)
		}
		e.File, e.Line, e.Column = s.rep.show(at.file), at.line, at.column
		s.rep.add(e)
	}
}

// Validate checks what must hold between the services of a stack: references
// lead somewhere, container names and host ports are used once, dependencies
// have no cycle. Load calls it; call it again after changing a Stack, for
// instance its replicas. Problems carry paths but no files; nil if all is well.
func Validate(st *Stack) Problems {
	v := &validator{st: st}
	v.references()
	v.between()
	return v.found
}

// chosenAddresses refuses one address for several containers.
func (v *validator) chosenAddresses() {
	taken := map[string]string{}
	for _, s := range v.st.Services {
		for _, a := range s.Networks {
			path := "services." + s.Name + ".networks." + a.Network
			if s.Replicas > 1 && a.chosen() {
				v.add(path, "a chosen address is for one replica only", "remove it, or scale to 1")
			}
			for _, ip := range append(a.Addresses(), a.LinkLocal...) {
				key := a.Network + " " + ip
				if first := taken[key]; first != "" {
					v.add(path, ip+" is the address of service "+first+" already", "")
				}
				taken[key] = s.Name
			}
		}
	}
}

func (v *validator) between() {
	v.chosenAddresses()
	v.archives()
	v.names()
	v.cycles()
	v.hostPorts()
}

type validator struct {
	st    *Stack
	found Problems
	ports map[*Error]types.ServicePortConfig // the ports that problems are about
}

func (v *validator) add(path, msg, hint string) {
	v.found = append(v.found, &Error{Path: path, Msg: msg, Hint: hint})
}

func (v *validator) names() {
	seen := map[string]string{}
	for _, s := range v.st.Services {
		path := "services." + s.Name + ".container_name"
		if s.ContainerName == "" {
			continue
		}
		if !isName(s.ContainerName) {
			v.add(path, "\""+printable(s.ContainerName)+"\" is not a valid container name",
				"letters, digits, _ . and -, a letter or digit first")
		}
		if s.Replicas > 1 {
			v.add(path, "several containers cannot have the one name "+s.ContainerName, "leave container_name out")
		}
		if first := seen[s.ContainerName]; first != "" {
			v.add(path, s.ContainerName+" is the name of services."+first+" already", "")
		}
		seen[s.ContainerName] = s.Name
	}
}

func (v *validator) references() {
	for _, s := range v.st.Services {
		path := "services." + s.Name
		for _, d := range s.DependsOn {
			if v.st.Service(d.Service) == nil {
				v.add(path+".depends_on."+d.Service, "no service "+d.Service+" is defined", "")
			}
		}
		for _, a := range s.Networks {
			if !slices.ContainsFunc(v.st.Networks, func(n Network) bool { return n.Key == a.Network }) {
				v.add(path+".networks."+a.Network, "no network "+a.Network+" is defined at the top level", "")
			}
		}
		for _, m := range s.Mounts {
			named := m.Type == MountVolume && m.Source != ""
			if named && !slices.ContainsFunc(v.st.Volumes, func(n Volume) bool { return n.Key == m.Source }) {
				v.add(path+".volumes", "no volume "+m.Source+" is defined at the top level", "")
			}
		}
	}
}

// cycles reports each cycle of dependencies once, as a path.
func (v *validator) cycles() {
	done := map[string]bool{}
	for _, s := range v.st.Services {
		v.follow(s.Name, nil, done)
	}
}

func (v *validator) follow(name string, way []string, done map[string]bool) {
	if i := slices.Index(way, name); i >= 0 {
		circle := append(slices.Clone(way[i:]), name)
		v.add("services."+circle[0]+".depends_on."+circle[1], "dependency cycle: "+strings.Join(circle, " -> "), "")
		return
	}
	s := v.st.Service(name)
	if done[name] || s == nil {
		return
	}
	way = append(way, name)
	for _, d := range s.DependsOn {
		v.follow(d.Service, way, done)
	}
	done[name] = true
}
