package spec

import (
	"fmt"
	"strconv"
	"strings"
)

func number(name string, value func(*Service) int64) flatten {
	return func(s *Service, yield func(path, text string)) {
		if v := value(s); v != 0 {
			yield(name, strconv.FormatInt(v, 10))
		}
	}
}

// flattenPreStart shows what each hook runs, and that the rest of it differs.
func flattenPreStart(s *Service, yield func(path, text string)) {
	for i, h := range s.PreStart {
		sum := h.Service.Hash()
		text := fmt.Sprintf("%s %s %s", h.Service.Image, list(h.Service.Command), sum[:min(len(sum), 15)])
		if h.PerReplica {
			text += " per_replica"
		}
		yield(fmt.Sprintf("pre_start[%d]", i), text)
	}
}

func flattenUmask(s *Service, yield func(path, text string)) {
	if s.Umask != nil {
		yield("umask", fmt.Sprintf("%#o", *s.Umask))
	}
}

// flattenFiles shows of a content no more than its digest.
func flattenFiles(s *Service, yield func(path, text string)) {
	for _, f := range s.Files {
		text := fmt.Sprintf("%s mode=%o %s", f.Target, f.Mode, f.Digest)
		if f.UID >= 0 || f.GID >= 0 {
			text += fmt.Sprintf(" owner=%d:%d", f.UID, f.GID)
		}
		yield(string(f.Kind)+"s."+f.Source, text)
	}
}

func flattenLinks(s *Service, yield func(path, text string)) {
	for _, l := range s.Links {
		if l.Service != "" {
			yield("links."+l.Alias, l.Service)
		} else {
			yield("external_links."+l.Alias, l.Container)
		}
	}
}

func hooks(name string, value func(*Service) []Hook) flatten {
	return func(s *Service, yield func(path, text string)) {
		for i, h := range value(s) {
			at := name + "." + strconv.Itoa(i)
			yield(at+".command", list(h.Command))
			for _, p := range []Pair{{"user", h.User}, {"working_dir", h.WorkingDir}} {
				if p.Value != "" {
					yield(at+"."+p.Name, p.Value)
				}
			}
			if h.Privileged {
				yield(at+".privileged", "true")
			}
			for _, p := range h.Environment {
				yield(at+".environment."+p.Name, p.Value)
			}
		}
	}
}

func flattenRestart(s *Service, yield func(path, text string)) {
	text("restart", func(s *Service) string { return s.Restart.String() })(s, yield)
	if s.Restart.Delay != 0 {
		yield("restart.delay", s.Restart.Delay.String())
	}
	if s.Restart.Unhealthy {
		yield("restart.unhealthy", "true")
	}
	if s.Restart.Window != 0 {
		yield("restart.window", s.Restart.Window.String())
	}
}

func flattenSecurity(s *Service, yield func(path, text string)) {
	v := s.Security
	some := func(name, text string) {
		if text != "" {
			yield(name, text)
		}
	}
	flag := func(name string, on bool) {
		if on {
			yield(name, "true")
		}
	}
	flag("privileged", v.Privileged)
	some("cap_add", strings.Join(v.CapAdd, ", "))
	some("cap_drop", strings.Join(v.CapDrop, ", "))
	flag("security_opt.no-new-privileges", v.NoNewPrivileges)
	some("security_opt.seccomp", v.Seccomp)
	some("security_opt.apparmor", v.AppArmor)
	flag("security_opt.systempaths=unconfined", v.Unmasked)
	some("security_opt.mask", strings.Join(v.Mask, ":"))
	some("security_opt.unmask", strings.Join(v.Unmask, ":"))
	some("security_opt.label", strings.Join(v.Labels, ", "))
}

func flattenNamespaces(s *Service, yield func(path, text string)) {
	for _, n := range []struct {
		name string
		host bool
		of   Other
	}{
		{"ipc", s.Namespaces.IPC, s.Namespaces.IPCOf},
		{"pid", s.Namespaces.PID, s.Namespaces.PIDOf},
		{"uts", s.Namespaces.UTS, ""},
		{"cgroup", s.Namespaces.Cgroup, ""},
	} {
		switch {
		case n.host:
			yield(n.name, "host")
		case n.of != "":
			yield(n.name, string(n.of))
		}
	}
	if s.Namespaces.Shareable {
		yield("ipc", "shareable")
	}
}

func flattenUlimits(s *Service, yield func(path, text string)) {
	for _, u := range s.Ulimits {
		yield("ulimits."+u.Name, fmt.Sprintf("%d:%d", u.Soft, u.Hard))
	}
}

func flattenDevices(s *Service, yield func(path, text string)) {
	for _, d := range s.Devices {
		yield("devices."+d.Target, quoteSpaces(d.Source)+" "+d.Permissions)
	}
}

func flattenExtraHosts(s *Service, yield func(path, text string)) {
	for _, h := range s.ExtraHosts {
		yield("extra_hosts."+h.Name, strings.Join(h.Addresses, ", "))
	}
}

func flattenDNS(s *Service, yield func(path, text string)) {
	for _, l := range []struct {
		name string
		list []string
	}{{"dns", s.DNS.Servers}, {"dns_search", s.DNS.Search}, {"dns_opt", s.DNS.Options}} {
		if len(l.list) > 0 {
			yield(l.name, strings.Join(l.list, ", "))
		}
	}
}

func flattenLogging(s *Service, yield func(path, text string)) {
	number("logging.options.max-size", func(s *Service) int64 { return s.Logging.MaxSize })(s, yield)
	number("logging.options.max-file", func(s *Service) int64 { return int64(s.Logging.MaxFiles) })(s, yield)
	toggle("logging.options.compress", func(s *Service) bool { return s.Logging.Compress })(s, yield)
	f := s.Logging.Forward
	for _, o := range []struct{ name, value string }{
		{"driver", s.Logging.Driver},
		{"options.address", f.Address},
		{"options.syslog-facility", f.Facility},
		{"options.tag", f.Tag},
		{"options.labels", f.Labels},
		{"options.env", f.Environment},
	} {
		if o.value != "" {
			yield("logging."+o.name, o.value)
		}
	}
	toggle("logging.options.fluentd-request-ack", func(s *Service) bool { return s.Logging.Forward.Acknowledged })(s, yield)
	toggle("logging.options.fluentd-sub-second-precision", func(s *Service) bool { return s.Logging.Forward.Precise })(s, yield)
}

func flattenResources(s *Service, yield func(path, text string)) {
	r := s.Resources
	if r.CPUs != 0 {
		yield("cpus", strconv.FormatFloat(r.CPUs, 'g', -1, 64))
	}
	for name, v := range map[string]int64{
		"cpu_shares": int64(r.CPUShares), "cpu_period": int64(r.CPUPeriod), "cpu_quota": r.CPUQuota, //nolint:gosec // far below 2^63
		"mem_limit": r.Memory, "mem_reservation": r.MemoryReservation, "memswap_limit": r.MemorySwap,
		"pids_limit": r.Pids, "blkio_config.weight": int64(r.BlkioWeight),
	} {
		if v != 0 {
			yield(name, strconv.FormatInt(v, 10))
		}
	}
	if r.CPUSet != "" {
		yield("cpuset", r.CPUSet)
	}
	flattenBlkio(r, yield)
}

func flattenFixed(s *Service, yield func(path, text string)) {
	f := s.Fixed
	number("cpu_rt_period", func(*Service) int64 { return int64(f.CPURTPeriod) })(s, yield) //nolint:gosec // far below 2^63
	number("cpu_rt_runtime", func(*Service) int64 { return f.CPURTRuntime })(s, yield)
	if f.MemorySwappiness != nil {
		yield("mem_swappiness", strconv.FormatUint(*f.MemorySwappiness, 10))
	}
	if f.OOMKillDisable {
		yield("oom_kill_disable", "true")
	}
}

func flattenBlkio(r Resources, yield func(path, text string)) {
	for name, list := range map[string][]BlkioPer{
		"weight_device": r.BlkioWeights, "device_read_bps": r.BlkioReadBps, "device_write_bps": r.BlkioWriteBps,
		"device_read_iops": r.BlkioReadIOps, "device_write_iops": r.BlkioWriteIOps,
	} {
		for _, b := range list {
			yield("blkio_config."+name+"."+b.Path, strconv.FormatUint(b.Rate, 10))
		}
	}
}
