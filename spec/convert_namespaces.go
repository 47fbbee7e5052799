package spec

import (
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// bridgeMode is the network that network_mode: bridge stands for, by its key.
const bridgeMode = "bridge"

// networkMode takes the modes that stand for themselves, and the network of
// another container.
func (c *converter) networkMode(cfg types.ServiceConfig, p *types.Project) NetworkMode {
	mode := NetworkMode(cfg.NetworkMode)
	switch {
	case mode == "" || mode == bridgeMode:
		return ""
	case mode != NetworkNone && mode != NetworkHost:
		c.other("network_mode", Other(mode), p, "use networks, none, host, bridge, service:NAME or container:NAME")
		c.nothingOfItsOwn(cfg)
	}
	if len(cfg.Ports) > 0 {
		c.problem("ports", "nothing is published with network_mode: %s; remove one", printable(cfg.NetworkMode))
	}
	return mode
}

// onBridge joins a network that the file has no name for.
func (c *converter) onBridge(cfg *types.ServiceConfig, p *types.Project, used *usage) {
	if _, taken := p.Networks[bridgeMode]; taken && !used.bridge {
		c.problem("network_mode", "the file has a network of that name: say networks: [bridge]")
		return
	}
	if p.Networks == nil {
		p.Networks = types.Networks{}
	}
	used.bridge = true
	p.Networks[bridgeMode] = types.NetworkConfig{Name: p.Name + "_" + bridgeMode}
	cfg.Networks = map[string]*types.ServiceNetworkConfig{bridgeMode: nil}
}

// nothingOfItsOwn refuses what belongs to a network that is another's.
func (c *converter) nothingOfItsOwn(cfg types.ServiceConfig) {
	for _, a := range []struct {
		attr string
		set  bool
	}{
		{"hostname", cfg.Hostname != ""},
		{"domainname", cfg.DomainName != ""},
		{"extra_hosts", len(cfg.ExtraHosts) > 0},
		{"dns", len(cfg.DNS) > 0},
		{"dns_search", len(cfg.DNSSearch) > 0},
		{"dns_opt", len(cfg.DNSOpts) > 0},
		{"links", len(cfg.Links) > 0},
		{"external_links", len(cfg.ExternalLinks) > 0},
	} {
		if a.set {
			c.problem(a.attr, "it is that of the container whose network is used; say it there")
		}
	}
}

// other checks the name of a container that something is shared with.
func (c *converter) other(attr string, o Other, p *types.Project, use string) Other {
	if name, is := o.Container(); is && isName(name) {
		return o
	}
	name, is := o.Service()
	switch v, known := p.Services[name]; {
	case !is || name == "":
		c.problem(attr, "%q cannot be: %s", printable(string(o)), use)
	case "services."+name == c.path || strings.HasPrefix(c.path, "services."+name+".pre_start["):
		c.problem(attr, "a service cannot share its own")
	case !known:
		c.problem(attr, "no service %s is defined", printable(name))
	case v.Provider != nil:
		c.problem(attr, "service %s has a provider: it is no container", name)
	case attr == "ipc" && v.Ipc != "shareable" && v.Ipc != "host":
		c.problem(attr, "service %s does not let others join: say ipc: shareable there", name)
	}
	return o
}

// namespaces takes host, the words for what is the default anyway, and other
// containers.
func (c *converter) namespaces(cfg types.ServiceConfig, p *types.Project) Namespaces {
	if cfg.UserNSMode != "" && cfg.UserNSMode != "host" {
		c.problem("userns_mode", "containers are not mapped to other users: it can only be host")
	}
	n := Namespaces{
		IPC: cfg.Ipc == "host", PID: cfg.Pid == "host", UTS: c.hostOr("uts", cfg.Uts), Cgroup: c.hostOr("cgroup", cfg.Cgroup, "private"),
		Shareable: cfg.Ipc == "shareable",
	}
	if !slices.Contains([]string{"", "host", "private", "shareable"}, cfg.Ipc) {
		n.IPCOf = c.other("ipc", Other(cfg.Ipc), p, "use host, private, shareable, service:NAME or container:NAME")
	}
	if cfg.Pid != "" && cfg.Pid != "host" {
		n.PIDOf = c.other("pid", Other(cfg.Pid), p, "use host, service:NAME or container:NAME")
	}
	return n
}

// hostOr says whether it is the host's; it can be the container's own.
func (c *converter) hostOr(attr, mode string, own ...string) bool {
	if mode != "" && mode != "host" && !slices.Contains(own, mode) {
		c.problem(attr, "%q cannot be: it is %s", printable(mode), strings.Join(append([]string{"host"}, own...), " or "))
	}
	return mode == "host"
}

// restartWithOthers has a service follow those that it shares a namespace with,
// also where depends_on does not ask for it: with their containers it ends.
func restartWithOthers(s *Service) {
	for _, o := range s.Others() {
		for i := range s.DependsOn {
			if name, is := o.Service(); is && s.DependsOn[i].Service == name {
				s.DependsOn[i].Restart = true
			}
		}
	}
}
