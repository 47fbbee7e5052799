package spec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// class says what a changed field of a service asks for.
type class string

const (
	recreate class = "recreate" // a new container
	live     class = "live"     // done without one
	ignored  class = "ignored"  // nothing: not a property of the container
)

// field is one field of Service: its class and its value as named texts.
type field struct {
	goName string
	name   string
	class  class
	// flatten yields path and text of each part; an absent value yields nothing.
	flatten func(*Service, func(path, text string))
}

// fields is the table behind Hash, DiffRecreate and DiffLive. Moving a
// recreate field, or changing its text, needs a new hashVersion: containers
// that run carry the old hash.
func fields() []field {
	return []field{
		{"Name", "name", ignored, nil},
		{"Image", "image", recreate, text("image", func(s *Service) string { return s.Image })},
		{"ContainerName", "container_name", recreate, text("container_name", func(s *Service) string { return s.ContainerName })},
		{"Replicas", "scale", ignored, nil},
		{"Entrypoint", "entrypoint", recreate, words("entrypoint", func(s *Service) []string { return s.Entrypoint })},
		{"Command", "command", recreate, words("command", func(s *Service) []string { return s.Command })},
		{"Environment", "environment", recreate, pairs("environment", func(s *Service) []Pair { return s.Environment })},
		{"WorkingDir", "working_dir", recreate, text("working_dir", func(s *Service) string { return s.WorkingDir })},
		{"User", "user", recreate, text("user", func(s *Service) string { return s.User })},
		{"Hostname", "hostname", recreate, text("hostname", func(s *Service) string { return s.Hostname })},
		{"Init", "init", recreate, toggle("init", func(s *Service) bool { return s.Init })},
		{"ReadOnly", "read_only", recreate, toggle("read_only", func(s *Service) bool { return s.ReadOnly })},
		{"Mounts", "volumes", recreate, flattenMounts},
		{"VolumesFrom", "volumes_from", recreate, flattenLenders},
		{"Ports", "ports", recreate, flattenPorts},
		{"Networks", "networks", recreate, flattenNetworks},
		{"DependsOn", "depends_on", live, flattenDependsOn},
		{"Healthcheck", "healthcheck", live, flattenHealthcheck},
		{"Restart", "restart", live, flattenRestart},
		{"Labels", "labels", live, pairs("labels", func(s *Service) []Pair { return s.Labels })},
		{"StopSignal", "stop_signal", live, text("stop_signal", func(s *Service) string { return s.StopSignal })},
		{"StopGrace", "stop_grace_period", live, text("stop_grace_period", func(s *Service) string { return s.StopGrace.String() })},
		{"Watch", "develop.watch", ignored, nil},
		{"Files", "configs", recreate, flattenFiles},
		{"NetworkMode", "network_mode", recreate, text("network_mode", func(s *Service) string { return string(s.NetworkMode) })},
		{"Security", "security_opt", recreate, flattenSecurity},
		{"Namespaces", "ipc", recreate, flattenNamespaces},
		{"Resources", "deploy.resources", live, flattenResources},
		{"Fixed", "mem_swappiness", recreate, flattenFixed},
		{"GroupAdd", "group_add", recreate, words("group_add", func(s *Service) []string { return s.GroupAdd })},
		{"Sysctls", "sysctls", recreate, pairs("sysctls", func(s *Service) []Pair { return s.Sysctls })},
		{"Ulimits", "ulimits", recreate, flattenUlimits},
		{"ShmSize", "shm_size", recreate, number("shm_size", func(s *Service) int64 { return s.ShmSize })},
		{"Devices", "devices", recreate, flattenDevices},
		{"DeviceRules", "device_cgroup_rules", recreate, words("device_cgroup_rules", func(s *Service) []string { return s.DeviceRules })},
		{"CDI", "devices", recreate, words("devices.cdi", func(s *Service) []string { return s.CDI })},
		{"DiskSize", "storage_opt", recreate, number("storage_opt.size", func(s *Service) int64 { return s.DiskSize })},
		{"Umask", "umask", recreate, flattenUmask},
		{"Runtime", "runtime", recreate, text("runtime", func(s *Service) string { return s.Runtime })},
		{"CgroupParent", "cgroup_parent", recreate, text("cgroup_parent", func(s *Service) string { return s.CgroupParent })},
		{"Domainname", "domainname", recreate, text("domainname", func(s *Service) string { return s.Domainname })},
		{"ExtraHosts", "extra_hosts", recreate, flattenExtraHosts},
		{"DNS", "dns", recreate, flattenDNS},
		{"TTY", "tty", recreate, toggle("tty", func(s *Service) bool { return s.TTY })},
		{"StdinOpen", "stdin_open", recreate, toggle("stdin_open", func(s *Service) bool { return s.StdinOpen })},
		{"OOMScoreAdj", "oom_score_adj", recreate, number("oom_score_adj", func(s *Service) int64 { return int64(s.OOMScoreAdj) })},
		{"Annotations", "annotations", recreate, pairs("annotations", func(s *Service) []Pair { return s.Annotations })},
		{"Logging", "logging", live, flattenLogging},
		{"PreStart", "pre_start", recreate, flattenPreStart},
		{"Job", "jobs", ignored, nil},
		{"Provider", "provider", ignored, nil},
		{"PostStart", "post_start", live, hooks("post_start", func(s *Service) []Hook { return s.PostStart })},
		{"PreStop", "pre_stop", live, hooks("pre_stop", func(s *Service) []Hook { return s.PreStop })},
		{"Pull", "pull_policy", ignored, nil},
		{"Archive", "x-stackup.archive", ignored, nil},
		{"Build", "build", ignored, nil},
		{"Rollout", "deploy", ignored, nil},
		{"Links", "links", recreate, flattenLinks},
		{"Detached", "attach", ignored, nil},
	}
}

type flatten = func(*Service, func(path, text string))

func text(name string, value func(*Service) string) flatten {
	return func(s *Service, yield func(path, text string)) {
		if v := value(s); v != "" {
			yield(name, v)
		}
	}
}

func toggle(name string, value func(*Service) bool) flatten {
	return func(s *Service, yield func(path, text string)) {
		if value(s) {
			yield(name, "true")
		}
	}
}

// words tells nil from empty: nil is the image's, empty is cleared.
func words(name string, value func(*Service) []string) flatten {
	return func(s *Service, yield func(path, text string)) {
		if v := value(s); v != nil {
			yield(name, list(v))
		}
	}
}

func pairs(name string, value func(*Service) []Pair) flatten {
	return func(s *Service, yield func(path, text string)) {
		for _, p := range value(s) {
			yield(name+"."+p.Name, p.Value)
		}
	}
}

func flattenMounts(s *Service, yield func(path, text string)) {
	for _, m := range s.Mounts {
		parts := []string{string(m.Type)}
		add := func(on bool, part string) {
			if on {
				parts = append(parts, part)
			}
		}
		add(m.Source != "", quoteSpaces(m.Source))
		add(m.ReadOnly, "ro")
		add(m.Type == MountBind && !m.CreateHostPath, "must-exist")
		add(m.Size != 0, "size="+strconv.FormatInt(m.Size, 10))
		add(m.Mode != 0, "mode="+strconv.FormatUint(uint64(m.Mode), 8))
		parts = append(parts, m.Options...)
		add(m.Propagation != "", m.Propagation)
		add(m.Recursive != "", "recursive="+m.Recursive)
		add(m.NoCopy, "nocopy")
		add(m.Of != "", "of="+m.Of)
		add(m.SELinux != "", "selinux="+m.SELinux)
		add(m.Subpath != "", "subpath="+quoteSpaces(m.Subpath))
		for _, l := range m.Labels {
			parts = append(parts, "label "+quoteSpaces(l.Name+"="+l.Value))
		}
		yield("volumes."+m.Target, strings.Join(parts, " "))
	}
}

func flattenLenders(s *Service, yield func(path, text string)) {
	for _, l := range s.VolumesFrom {
		mode := "rw"
		if l.ReadOnly {
			mode = "ro"
		}
		yield("volumes_from."+l.Container, mode)
	}
}

// quoteSpaces keeps a path with spaces apart from the words after it.
func quoteSpaces(path string) string {
	if strings.ContainsAny(path, " \"") {
		return strconv.Quote(path)
	}
	return path
}

func flattenPorts(s *Service, yield func(path, text string)) {
	var all []string
	for _, p := range s.Ports {
		all = append(all, p.String())
	}
	if len(all) > 0 {
		yield("ports", strings.Join(all, ", "))
	}
}

func flattenNetworks(s *Service, yield func(path, text string)) {
	for _, a := range s.Networks {
		text := "aliases " + list(a.Aliases)
		add := func(name, value string) {
			if value != "" && value != "0" {
				text += " " + name + "=" + value
			}
		}
		add("ipv4_address", a.IPv4)
		add("ipv6_address", a.IPv6)
		add("link_local_ips", strings.Join(a.LinkLocal, ","))
		add("interface_name", a.Interface)
		for _, p := range a.Sysctls {
			add(p.Name, p.Value)
		}
		if a.Nameless {
			add("use_service_name_alias", "false")
		}
		add("mac_address", a.MAC)
		add("priority", strconv.Itoa(a.Priority))
		add("gw_priority", strconv.Itoa(a.GatewayPriority))
		yield("networks."+a.Network, text)
	}
}

func flattenDependsOn(s *Service, yield func(path, text string)) {
	for _, d := range s.DependsOn {
		text := string(d.Condition)
		if d.Restart {
			text += " restart"
		}
		yield("depends_on."+d.Service, text)
	}
}

// flattenHealthcheck fills in the Specification's defaults, so that writing a
// default down is no change.
func flattenHealthcheck(s *Service, yield func(path, text string)) {
	h := s.Healthcheck
	if h == nil {
		return
	}
	if h.Disable {
		yield("healthcheck.disable", "true")
		return
	}
	if len(h.Test) > 0 {
		yield("healthcheck.test", list(h.Test))
	}
	for _, p := range []Pair{{"http", h.Probe.HTTP}, {"tcp", h.Probe.TCP}, {"log", h.Probe.Log}} {
		if p.Value != "" {
			yield("healthcheck.probe."+p.Name, p.Value)
		}
	}
	yield("healthcheck.interval", orDefault(h.Interval, "30s"))
	yield("healthcheck.timeout", orDefault(h.Timeout, "30s"))
	yield("healthcheck.start_period", h.StartPeriod.String())
	yield("healthcheck.start_interval", orDefault(h.StartInterval, "5s"))
	if h.Retries == 0 {
		yield("healthcheck.retries", "3")
		return
	}
	yield("healthcheck.retries", strconv.Itoa(h.Retries))
}

func orDefault(d Duration, text string) string {
	if d == 0 {
		return text
	}
	return d.String()
}

// String is the policy as the file has it, e.g. on-failure:3.
func (r Restart) String() string {
	if r.MaxRetries > 0 {
		return fmt.Sprintf("%s:%d", r.Policy, r.MaxRetries)
	}
	return string(r.Policy)
}

// String is the port in the short form, e.g. 127.0.0.1:8080:80/tcp; a random
// host port shows as 0.
func (p Port) String() string {
	return fmt.Sprintf("%s:%d/%s", hostRange(p), p.Target, p.Protocol)
}

func list(words []string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// Encoding strings cannot fail.
	_ = enc.Encode(slices.Concat([]string{}, words))
	out := strings.TrimSpace(b.String())
	if out == "null" {
		return "[]"
	}
	return out
}
