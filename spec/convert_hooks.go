package spec

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// preStart converts the containers that run to their end before those of the
// service start. The library has completed each with what the service says.
func (s *scan) preStart(c types.ServiceConfig, p *types.Project, used *usage, image string) []PreStart {
	var out []PreStart
	for i, h := range c.PreStart {
		cfg := types.ServiceConfig{Name: c.Name, ContainerSpec: h.ContainerSpec}
		if cfg.Image == "" || cfg.Image == c.Image { // it comes as the service's does
			cfg.Image, cfg.PullPolicy, cfg.PullRefreshAfter, cfg.Platform = image, "", "", ""
		}
		path := fmt.Sprintf("services.%s.pre_start[%d]", c.Name, i)
		oneWay(&cfg, c)
		v := s.convertAt(path, cfg, p, used)
		s.freeAddresses(path, &v, c)
		out = append(out, PreStart{h.PerReplica, v})
	}
	return out
}

// oneWay leaves a hook what it says itself, where it and the service are
// networked in ways that exclude each other.
func oneWay(hook *types.ServiceConfig, service types.ServiceConfig) {
	switch {
	case hook.NetworkMode != service.NetworkMode:
		hook.Networks, hook.MacAddress = nil, ""
	case service.NetworkMode != "" && len(hook.Networks) > 0:
		hook.NetworkMode = ""
	}
}

// freeAddresses gives a hook addresses that nobody else has: those of the service
// its replica has by then.
func (s *scan) freeAddresses(path string, hook *Service, service types.ServiceConfig) {
	for i := range hook.Networks {
		a := &hook.Networks[i]
		own := service.Networks[a.Network]
		if a.IPv4 != "" && (own == nil || own.Ipv4Address != a.IPv4) || a.IPv6 != "" && (own == nil || own.Ipv6Address != a.IPv6) {
			at := path + ".networks." + a.Network
			s.rep.addf(s.all.find(at), at, "a container of pre_start takes free addresses: remove it")
		}
		a.IPv4, a.IPv6, a.MAC, a.LinkLocal = "", "", "", nil
	}
}

// waitForOthers has a service with hooks start after what those share something
// with.
func waitForOthers(v *Service) {
	for _, h := range v.PreStart {
		for _, o := range h.Service.Others() {
			name, is := o.Service()
			if is && !slices.ContainsFunc(v.DependsOn, func(d Dependency) bool { return d.Service == name }) {
				v.DependsOn = append(v.DependsOn, Dependency{Service: name, Condition: Started})
			}
		}
	}
	slices.SortStableFunc(v.DependsOn, func(a, b Dependency) int { return cmp.Compare(a.Service, b.Service) })
}

// shareMounts gives hooks what the service mounts, where they mount nothing
// themselves.
func shareMounts(st *Stack) {
	for i := range st.Services {
		v := &st.Services[i]
		for j := range v.PreStart {
			takeMounts(&v.PreStart[j].Service, v, false)
			for _, l := range v.VolumesFrom {
				v.PreStart[j].Service.lend(l)
			}
			for k := range v.PreStart[j].Service.Mounts { // the replica's own, not the first one's
				if m := &v.PreStart[j].Service.Mounts[k]; m.Of == v.Name {
					m.Of = ""
				}
			}
		}
	}
}

// jobs converts what runs when it is asked for: a service of which none is up.
func (s *scan) jobs(st *Stack, p *types.Project, used *usage) []Service {
	var out []Service
	for name, j := range p.Jobs {
		if as := (types.ServiceConfig{Profiles: j.Profiles}); !as.HasProfile(s.Profiles) {
			st.Disabled = append(st.Disabled, name)
			continue
		}
		at := join("jobs", name)
		if _, twice := p.Services[name]; twice {
			s.rep.addf(s.all.find(at), at, "a service has that name too")
		}
		v := s.convertAt(at, types.ServiceConfig{Name: name, ContainerSpec: j.ContainerSpec, WorkloadSpec: j.WorkloadSpec}, p, used)
		v.Job, v.Replicas = JobManual, 0
		for _, a := range v.Networks {
			if a.chosen() {
				path := at + ".networks." + a.Network
				s.rep.addf(s.all.find(path), path, "containers of a job take free addresses: remove it")
			}
		}
		if j.Triggers != nil && j.Triggers.Manual != nil && !*j.Triggers.Manual {
			v.Job = JobNever
		}
		out = append(out, v)
	}
	return out
}

// provider converts a service that another program stands up. It comes before
// all containers.
func (s *scan) provider(c types.ServiceConfig) Service {
	sv := &converter{scan: s, path: "services." + c.Name}
	out := Service{Name: c.Name, Provider: &Provider{Type: c.Provider.Type}, Restart: Restart{Policy: RestartNo}, StopGrace: defaultGrace}
	if !isName(c.Provider.Type) {
		sv.problem("provider.type", "%q is not the name of a program", printable(c.Provider.Type))
	}
	for _, attr := range containerAttributes(c) {
		sv.problem(attr, "a service with a provider is no container, and comes before all: remove it")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Provider.Options)) {
		for _, v := range c.Provider.Options[name] {
			out.Provider.Options = append(out.Provider.Options, Pair{name, v})
		}
	}
	return out
}

// containerAttributes are those that are set and that only a container can have.
func containerAttributes(c types.ServiceConfig) (out []string) {
	c.Provider, c.Profiles, c.Extends, c.Extensions = nil, nil, nil, nil
	if len(c.Networks) == 1 && c.Networks["default"] == nil {
		c.Networks = nil // what the library says of every service
	}
	text, err := json.Marshal(c)
	set := map[string]any{}
	if err != nil || json.Unmarshal(text, &set) != nil {
		return nil
	}
	for _, attr := range slices.Sorted(maps.Keys(set)) {
		if set[attr] != nil {
			out = append(out, attr)
		}
	}
	return out
}
