package planner

import (
	"fmt"
	"slices"
	"strings"

	"stackup.dev/stackup/spec"
)

// checkPorts finds host ports that cannot be had, for services of which a
// replica is about to start: what runs holds its ports already.
func (m *maker) checkPorts() {
	for i := range m.want.Services {
		s := &m.want.Services[i]
		if !m.starts(s) {
			continue
		}
		need := map[spec.Port]int{}
		for _, p := range s.Ports {
			if p.HostPort != 0 {
				need[rangeOf(p)] += s.Replicas
			}
		}
		for p, n := range need {
			m.checkRange(s, p, n)
		}
	}
}

// checkLacks finds services that cannot be here, of which a container is to be
// made.
func (m *maker) checkLacks() {
	for _, l := range m.have.Lacks {
		s := m.want.Service(l.Service)
		makes := slices.ContainsFunc(m.replicas[l.Service], func(r replica) bool { return r.cur == nil || l.Hook && !r.runs })
		if s != nil && (makes || m.uses(s)) {
			m.problem("service %s: %s", l.Service, l.What)
		}
	}
}

func (m *maker) starts(s *spec.Service) bool {
	for _, r := range m.replicas[s.Name] {
		if !r.runs {
			return true
		}
	}
	return false
}

// rangeOf is p without what does not matter for the host.
func rangeOf(p spec.Port) spec.Port {
	p.Target = 0
	p.HostPortEnd = max(p.HostPort, p.HostPortEnd)
	return p
}

// checkRange tells if fewer than n ports of p are free.
func (m *maker) checkRange(s *spec.Service, p spec.Port, n int) {
	free, taken := 0, []string(nil)
	for port := int(p.HostPort); port <= int(p.HostPortEnd); port++ {
		if holder, ok := m.holder(p, port); ok {
			taken = append(taken, fmt.Sprintf("host port %d/%s is in use by %s", port, p.Protocol, holder))
		} else {
			free++
		}
	}
	switch single := p.HostPort == p.HostPortEnd; {
	case free >= n:
	case single && free == 0:
		m.problem("service %s: %s (stop that, or publish another port)", s.Name, taken[0])
	case single:
		m.problem("service %s: host port %d/%s cannot serve %d replicas (publish a range, or no host port)",
			s.Name, p.HostPort, p.Protocol, n)
	default:
		m.problem("service %s: host ports %d-%d/%s: %d needed, %d free%s",
			s.Name, p.HostPort, p.HostPortEnd, p.Protocol, n, free, because(taken))
	}
}

func because(taken []string) string {
	if len(taken) == 0 {
		return ""
	}
	return " (" + strings.Join(taken, "; ") + ")"
}

// holder names who has a port that p would need; the first by name.
func (m *maker) holder(p spec.Port, port int) (holder string, ok bool) {
	for _, u := range m.have.PortsInUse {
		if int(u.Port) != port || u.Protocol != p.Protocol || !spec.Meet(u.HostIP, p.HostIP) {
			continue
		}
		if !ok || u.Holder < holder {
			holder, ok = u.Holder, true
		}
	}
	return holder, ok
}
