package spec

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
)

// defaultGrace is how long a service may take to stop (Compose Specification, stop_grace_period).
const defaultGrace = Duration(10 * time.Second)

// stack converts the library's model to ours. Problems go to the report.
func (s *scan) stack(project *types.Project) *Stack {
	own := *project // services can add a network that the file has no name for
	p := &own
	p.Networks = maps.Clone(project.Networks)
	st := &Stack{
		Name: p.Name, Dir: s.dir,
		Disabled: slices.Sorted(maps.Keys(p.DisabledServices)),
	}
	st.Disabled = append(st.Disabled, slices.Sorted(maps.Keys(p.DisabledJobs))...)
	for _, src := range s.all.files {
		st.Files = append(st.Files, src.file)
	}
	s.volumes = p.Volumes
	used := &usage{networks: map[string]bool{}, volumes: map[string]bool{}, labels: map[string]types.Labels{}}
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		st.Services = append(st.Services, s.convert(p.Services[name], p, used))
	}
	st.Services = append(st.Services, s.jobs(st, p, used)...)
	slices.Sort(st.Disabled)
	slices.SortStableFunc(st.Services, func(a, b Service) int { return cmp.Compare(a.Name, b.Name) })
	s.volumesFrom(st, p)
	shareMounts(st)
	for _, key := range slices.Sorted(maps.Keys(used.networks)) {
		if n, ok := s.tops[key]; ok {
			st.Networks = append(st.Networks, n.Network)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(used.volumes)) {
		if v, ok := p.Volumes[key]; ok {
			st.Volumes = append(st.Volumes, s.topVolume(key, v, used.labels[key]))
		}
	}
	return st
}

// usage notes which top-level networks and volumes the services need, and the
// labels that they give volumes.
type usage struct {
	networks, volumes map[string]bool
	labels            map[string]types.Labels
	bridge            bool // a service has network_mode: bridge
}

func (s *scan) convert(c types.ServiceConfig, p *types.Project, used *usage) Service {
	if c.Provider != nil {
		return s.provider(c)
	}
	out := s.convertAt("services."+c.Name, c, p, used)
	out.PreStart = s.preStart(c, p, used, out.Image)
	waitForOthers(&out)
	return out
}

// convertAt converts what stands at a path of the file.
func (s *scan) convertAt(path string, c types.ServiceConfig, p *types.Project, used *usage) Service {
	sv := &converter{scan: s, path: path}
	joined, mode := sv.networks(c, p, used)
	out := Service{
		Name: c.Name, Image: sv.image(c, p.Name), ContainerName: c.ContainerName,
		Replicas:   sv.replicas(c),
		Entrypoint: sv.words("entrypoint", c.Entrypoint), Command: sv.words("command", c.Command),
		Environment: sv.environment(sv.withModels(c, p)),
		WorkingDir:  c.WorkingDir, User: c.User, Hostname: c.Hostname,
		Init: c.Init != nil && *c.Init, ReadOnly: c.ReadOnly,
		Mounts: sv.mounts(c, used), Ports: sv.ports(c.Ports, sv.way(joined)), Networks: joined,
		DependsOn: sv.dependsOn(c, p), Healthcheck: sv.healthcheck(c.HealthCheck),
		Restart: sv.restart(c.Restart), Labels: sv.labels(sv.labelFiles(c)),
		StopSignal: c.StopSignal, StopGrace: defaultGrace, Watch: sv.watch(c.Develop),
	}
	sv.process(c, p, &out)
	out.Resources, out.Fixed = sv.resources(c), sv.fixedResources(c)
	out.Files = sv.files(c, p)
	out.Pull, out.Archive = sv.pull(c), sv.archive(c)
	out.Build = sv.build(c, p)
	out.Links = sv.links(c, p)
	if c.Build == nil || len(c.Build.Platforms) == 0 {
		sv.platform(c.Platform)
	}
	sv.deploy(c.Deploy, &out)
	out.NetworkMode = cmp.Or(mode, sv.networkMode(c, p))
	if c.StopGracePeriod != nil {
		out.StopGrace = Duration(*c.StopGracePeriod)
		sv.notNegative("stop_grace_period", out.StopGrace)
	}
	sv.probed(c, &out)
	restartWithOthers(&out)
	sv.check(out)
	sv.values(c, p)
	return out
}

// converter converts one service.
type converter struct {
	*scan
	path string
}

func (c *converter) problem(attr, format string, args ...any) {
	path := c.path + "." + attr
	c.rep.addf(c.all.find(path), path, format, args...)
}

// image names what is built and has no name of its own after the stack and the
// service, as docker compose does.
func (c *converter) image(cfg types.ServiceConfig, stack string) string {
	image := cfg.Image
	if image == "" && cfg.Build != nil {
		image = builtName(stack, cfg.Name)
	}
	if image == "" {
		c.rep.addf(c.all.find(c.path), c.path, "no image is given, nor how to build one")
		return ""
	}
	return c.reference("image", image)
}

func builtName(stack, service string) string { return stack + "-" + service }

// BuiltImage is the reference of an image that is built and has no name of its own.
func BuiltImage(stack, service string) string {
	ref, err := reference.ParseDockerRef(builtName(stack, service))
	if err != nil {
		return ""
	}
	return ref.String()
}

// reference normalises one as the distribution project defines it: registry and
// tag filled in.
func (c *converter) reference(attr, image string) string {
	ref, err := reference.ParseDockerRef(image)
	if err != nil {
		c.problem(attr, "%q is not an image reference: %v", printable(image), err)
		return ""
	}
	return ref.String()
}

func (c *converter) replicas(cfg types.ServiceConfig) int {
	n, attr := 1, "scale"
	switch {
	case cfg.Scale != nil:
		n = *cfg.Scale
		if d := cfg.Deploy; d != nil && d.Replicas != nil && *d.Replicas != n {
			c.problem("scale", "scale is %d but deploy.replicas is %d", n, *d.Replicas)
		}
	case cfg.Deploy != nil && cfg.Deploy.Replicas != nil:
		n, attr = *cfg.Deploy.Replicas, "deploy.replicas"
	}
	switch {
	case n < 0:
		c.problem(attr, "%d is less than none", n)
	case n > c.MaxReplicas:
		c.problem(attr, "%d is more than %d, the most that is allowed", n, c.MaxReplicas)
	}
	return n
}

// words keeps the difference between absent (nil) and cleared (empty).
func (c *converter) words(attr string, cmd types.ShellCommand) []string {
	if cmd == nil {
		return nil
	}
	for _, w := range cmd {
		if hasControl(w, true) {
			c.problem(attr, "the value holds control characters")
		}
	}
	return append([]string{}, cmd...)
}

func (c *converter) environment(env types.MappingWithEquals) []Pair {
	var pairs []Pair
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		switch {
		case name == "" || strings.Contains(name, "="):
			c.problem("environment", "%q is not a variable's name", name)
		case value == nil:
			continue // neither set here nor by the caller
		case hasControl(name, false) || hasControl(*value, true):
			c.problem("environment."+printable(name), "the value holds control characters")
		default:
			pairs = append(pairs, Pair{name, *value})
		}
	}
	return pairs
}

func (c *converter) labels(labels types.Labels) []Pair {
	var pairs []Pair
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if why := reserved(name); why != "" {
			c.problem("labels."+printable(name), "%s", why)
		}
		if len(name)+len(labels[name]) > maxLabel {
			c.problem("labels."+name[:min(len(name), 60)], "name and value are longer than %d bytes together", maxLabel)
		}
		pairs = append(pairs, Pair{name, labels[name]})
	}
	return pairs
}

func (c *converter) dependsOn(cfg types.ServiceConfig, p *types.Project) []Dependency {
	var list []Dependency
	for _, name := range slices.Sorted(maps.Keys(cfg.DependsOn)) {
		d := cfg.DependsOn[name]
		_, on := p.Services[name]
		_, off := p.DisabledServices[name]
		switch {
		case on:
			list = append(list, Dependency{name, Condition(d.Condition), d.Restart})
		case off && d.Required:
			c.problem("depends_on."+name, "service %s is left out: none of its profiles is active", name)
		case !off && !d.Required:
			c.rep.notice(c.all.find(c.path+".depends_on."+name), "service %s does without %s, which is not defined", c.path[len("services."):], name)
		case !off:
			c.problem("depends_on."+name, "no service %s is defined%s", name, known(maps.Keys(p.Services)))
		}
		switch cond := Condition(d.Condition); cond {
		case Started, Healthy, Completed:
		default:
			c.problem("depends_on."+name+".condition", "%q is not a condition", cond)
		}
	}
	return list
}

func (c *converter) restart(text string) Restart {
	policy, limit, limited := strings.Cut(text, ":")
	r := Restart{Policy: cmp.Or(RestartPolicy(policy), RestartNo)}
	switch r.Policy {
	case RestartNo, RestartAlways, RestartUnlessStopped, RestartOnFailure:
	default:
		c.problem("restart", "%q is not a policy: no, always, on-failure[:n] or unless-stopped", text)
	}
	if limited {
		n, err := strconv.Atoi(limit)
		if r.Policy != RestartOnFailure || err != nil || n < 0 {
			c.problem("restart", "%q: only on-failure takes a number of retries, as on-failure:3", text)
		}
		r.MaxRetries = n
	}
	return r
}

func (c *converter) notNegative(attr string, d Duration) Duration {
	if d < 0 {
		c.problem(attr, "%s is less than nothing", d)
	}
	return d
}

// known lists the names that would have been right.
func known(names func(func(string) bool)) string {
	list := slices.Sorted(names)
	if len(list) == 0 || len(list) > 8 {
		return ""
	}
	return fmt.Sprintf("; there is %s", strings.Join(list, ", "))
}
