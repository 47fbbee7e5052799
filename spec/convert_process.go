package spec

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"
)

// process converts what shapes the processes of a container and their isolation.
func (c *converter) process(cfg types.ServiceConfig, p *types.Project, out *Service) {
	out.Security = c.security(cfg)
	out.Namespaces = c.namespaces(cfg, p)
	out.GroupAdd = slices.Compact(slices.Sorted(slices.Values(cfg.GroupAdd)))
	out.Sysctls = sortedPairs(cfg.Sysctls)
	out.Annotations = sortedPairs(cfg.Annotations)
	out.Ulimits = c.ulimits(cfg.Ulimits)
	out.ShmSize = int64(cfg.ShmSize)
	out.Devices = c.devices(cfg.Devices)
	out.DeviceRules = slices.Sorted(slices.Values(cfg.DeviceCgroupRules))
	out.CDI = c.cdi(cfg)
	out.DiskSize = c.diskSize(cfg.StorageOpt)
	out.Umask = c.umask(cfg.Umask)
	out.Runtime = c.runtime(cfg.Runtime)
	out.CgroupParent = c.cgroupParent(cfg.CgroupParent)
	out.Domainname = cfg.DomainName
	out.ExtraHosts = c.extraHosts(cfg.ExtraHosts)
	out.DNS = c.dns(cfg)
	out.TTY, out.StdinOpen = cfg.Tty, cfg.StdinOpen
	out.OOMScoreAdj = int(cfg.OomScoreAdj)
	out.Logging = c.logging(cfg.Logging)
	out.PostStart, out.PreStop = c.hooks("post_start", cfg.PostStart), c.hooks("pre_stop", cfg.PreStop)
	out.Detached = cfg.Attach != nil && !*cfg.Attach
	if out.OOMScoreAdj < -1000 || out.OOMScoreAdj > 1000 {
		c.problem("oom_score_adj", "%d is not between -1000 and 1000", out.OOMScoreAdj)
	}
}

func sortedPairs[M ~map[string]string](m M) []Pair {
	var out []Pair
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, Pair{name, m[name]})
	}
	return out
}

func (c *converter) security(cfg types.ServiceConfig) Security {
	s := Security{
		Privileged: cfg.Privileged,
		CapAdd:     c.capabilities("cap_add", cfg.CapAdd), CapDrop: c.capabilities("cap_drop", cfg.CapDrop),
	}
	for i, opt := range cfg.SecurityOpt {
		c.securityOption(&s, fmt.Sprintf("security_opt[%d]", i), opt)
	}
	return s
}

// securityOption reads one option in any of the spellings that docker takes.
func (c *converter) securityOption(s *Security, attr, opt string) {
	name, value, ok := strings.Cut(opt, "=")
	if !ok {
		name, value, _ = strings.Cut(opt, ":")
	}
	switch name {
	case "no-new-privileges":
		s.NoNewPrivileges = value == "" || value == "true"
	case "seccomp":
		s.Seccomp = c.seccomp(attr, value)
	case "apparmor":
		s.AppArmor = value
	case "systempaths":
		s.Unmasked = value == "unconfined"
		if !s.Unmasked {
			c.problem(attr, "systempaths can only be unconfined")
		}
	case "label":
		if value != "disable" { // which containers are anyway
			s.Labels = append(s.Labels, c.selinuxOption(attr, value))
			slices.Sort(s.Labels)
		}
	case "mask", "unmask":
		c.masks(s, attr, name, value)
	default:
		c.problem(attr, "%q is not a security option: no-new-privileges, seccomp, apparmor, systempaths, label, mask, unmask", printable(name))
	}
}

// selinuxOption reads user:U, role:R, type:T, level:L or disable; as docker does
// it counts only where the machine has SELinux.
func (c *converter) selinuxOption(attr, value string) string {
	kind, what, _ := strings.Cut(value, ":")
	if what == "" || !slices.Contains([]string{"user", "role", "type", "level", "filetype"}, kind) {
		c.problem(attr, "label can be disable, or user, role, type, level or filetype with a value")
	}
	return value
}

// masks reads paths parted by colons: mask hides them, unmask shows what is hidden
// or read-only by default, ALL of it or by patterns.
func (c *converter) masks(s *Security, attr, name, value string) {
	if name == "unmask" && strings.EqualFold(value, "ALL") {
		s.Unmasked = true
		return
	}
	into := &s.Mask
	if name == "unmask" {
		into = &s.Unmask
	}
	for _, p := range strings.Split(value, ":") {
		if _, err := path.Match(p, "/"); err != nil || !path.IsAbs(p) {
			c.problem(attr, "%q is not an absolute path", printable(p))
		}
		*into = append(*into, p)
	}
	slices.Sort(*into)
}

// seccomp reads the profile of a file, relative to the project directory.
func (c *converter) seccomp(attr, value string) string {
	if value == "unconfined" || value == "builtin" || value == "" {
		return strings.TrimSuffix(value, "builtin")
	}
	data, err := c.guard.content(absFrom(c.dir, value), false)
	if data == nil && err == nil {
		return "" // it is gone
	}
	if err == nil && !json.Valid(data) {
		err = fmt.Errorf("it is not JSON")
	}
	if err != nil {
		c.problem(attr, "seccomp profile %s: %v", printable(value), err)
		return ""
	}
	return string(data)
}

// capabilities gives names as the kernel has them, in order, each once.
func (c *converter) capabilities(attr string, names []string) []string {
	var out []string
	for i, n := range names {
		n = strings.ToUpper(strings.TrimSpace(n))
		if n != "ALL" && !strings.HasPrefix(n, "CAP_") {
			n = "CAP_" + n
		}
		if !isCapability(n) {
			c.problem(fmt.Sprintf("%s[%d]", attr, i), "%q is not a capability of Linux", printable(names[i]))
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// isCapability knows the capabilities of capabilities(7), and ALL.
func isCapability(name string) bool {
	return name == "ALL" || slices.Contains(strings.Fields(`CAP_AUDIT_CONTROL CAP_AUDIT_READ CAP_AUDIT_WRITE CAP_BLOCK_SUSPEND CAP_BPF
		CAP_CHECKPOINT_RESTORE CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_IPC_LOCK CAP_IPC_OWNER CAP_KILL
		CAP_LEASE CAP_LINUX_IMMUTABLE CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_MKNOD CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_BROADCAST
		CAP_NET_RAW CAP_PERFMON CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYSLOG CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_CHROOT
		CAP_SYS_MODULE CAP_SYS_NICE CAP_SYS_PACCT CAP_SYS_PTRACE CAP_SYS_RAWIO CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG
		CAP_WAKE_ALARM`), name)
}

func (c *converter) ulimits(all map[string]*types.UlimitsConfig) []Ulimit {
	var out []Ulimit
	for _, name := range slices.Sorted(maps.Keys(all)) {
		u := all[name]
		l := Ulimit{Name: strings.ToLower(name), Soft: int64(u.Soft), Hard: int64(u.Hard)}
		if u.Single != 0 {
			l.Soft, l.Hard = int64(u.Single), int64(u.Single)
		}
		if _, err := units.ParseUlimit(fmt.Sprintf("%s=%d:%d", l.Name, l.Soft, l.Hard)); err != nil {
			c.problem("ulimits."+name, "%v", err)
		}
		out = append(out, l)
	}
	return out
}

func (c *converter) devices(list []types.DeviceMapping) []Device {
	var out []Device
	for i, d := range list {
		if isCDI(d.Source) {
			continue
		}
		attr := fmt.Sprintf("devices[%d]", i)
		v := Device{Source: d.Source, Target: cmp.Or(d.Target, d.Source), Permissions: cmp.Or(d.Permissions, "rwm")}
		switch {
		case !path.IsAbs(v.Source):
			c.problem(attr, "%q is neither a path nor the name of a CDI device, VENDOR/CLASS=NAME", printable(v.Source))
		case !path.IsAbs(v.Target):
			c.problem(attr, "the target %q is not an absolute path", printable(v.Target))
		case strings.Trim(v.Permissions, "rwm") != "":
			c.problem(attr, "permissions %q are not of r, w and m", printable(v.Permissions))
		}
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b Device) int { return cmp.Compare(a.Target, b.Target) })
	return out
}

func (c *converter) hooks(attr string, list []types.ServiceHook) []Hook {
	var out []Hook
	for i, h := range list {
		v := Hook{Command: c.words(attr, h.Command), User: h.User, WorkingDir: h.WorkingDir, Privileged: h.Privileged}
		v.Environment = c.environment(h.Environment.Resolve(types.Mapping(c.env).Resolve))
		if len(v.Command) == 0 {
			c.problem(fmt.Sprintf("%s[%d]", attr, i), "it has no command")
		}
		out = append(out, v)
	}
	return out
}

// hostGateway stands for this machine's address in extra_hosts.
const hostGateway = "host-gateway"

func (c *converter) extraHosts(list types.HostsList) []Host {
	var out []Host
	for _, name := range slices.Sorted(maps.Keys(list)) {
		h := Host{Name: name}
		if !isHost(name) {
			c.problem("extra_hosts", "%q is not a host name", printable(name))
		}
		for _, a := range list[name] {
			a = strings.Trim(a, "[]")
			if _, err := netip.ParseAddr(a); err != nil && a != hostGateway {
				c.problem("extra_hosts", "%s: %q is neither an address nor host-gateway", printable(name), printable(a))
			}
			h.Addresses = append(h.Addresses, a)
		}
		slices.Sort(h.Addresses)
		out = append(out, h)
	}
	return out
}

// some gives nil for an empty list: to say nothing and to say none is the same
// there.
func some[L ~[]string](list L) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

// dns keeps the order, which decides who is asked first.
func (c *converter) dns(cfg types.ServiceConfig) DNS {
	d := DNS{Servers: some(cfg.DNS), Search: some(cfg.DNSSearch), Options: some(cfg.DNSOpts)}
	for i, s := range d.Servers {
		if _, err := netip.ParseAddr(s); err != nil {
			c.problem(fmt.Sprintf("dns[%d]", i), "%q is not an address", printable(s))
		}
	}
	for name, list := range map[string][]string{"dns_search": d.Search, "dns_opt": d.Options} {
		for _, v := range list {
			if v == "" || strings.ContainsAny(v, " \t\n#;") {
				c.problem(name, "%q does not fit in a line of resolv.conf", printable(v))
			}
		}
	}
	return d
}
