package ctrd

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/contrib/apparmor"
	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	dockerseccomp "github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/spec"
)

const (
	unconfined = "unconfined"
	allCaps    = "ALL"
)

// confine is what the service changes of the default profile. Seccomp comes
// last: it is compiled from the capabilities.
func confine(s *spec.Service, h host) []oci.SpecOpts {
	v := s.Security
	if v.Privileged {
		opts := append(privileged(), withSeccomp(v.Seccomp, true))
		if v.NoNewPrivileges {
			opts = append(opts, oci.WithNoNewPrivileges)
		}
		return opts
	}
	var opts []oci.SpecOpts
	if v.NoNewPrivileges {
		opts = append(opts, oci.WithNoNewPrivileges)
	}
	if v.Unmasked {
		opts = append(opts, oci.WithMaskedPaths(nil), oci.WithReadonlyPaths(nil))
	}
	opts = append(opts, capabilities(v.CapAdd, v.CapDrop)...)
	return append(opts, withAppArmor(v.AppArmor, h), withSeccomp(v.Seccomp, false))
}

// privileged is Docker's: all capabilities and devices, nothing masked.
func privileged() []oci.SpecOpts {
	return []oci.SpecOpts{oci.WithPrivileged, oci.WithAllDevicesAllowed, oci.WithHostDevices, oci.WithNewPrivileges}
}

// capabilities are the default ones with those dropped and added, in the order
// that Docker keeps: ALL first, whichever side it is on.
func capabilities(add, drop []string) []oci.SpecOpts {
	var opts []oci.SpecOpts
	if slices.Contains(drop, allCaps) {
		opts = append(opts, oci.WithCapabilities(nil))
	}
	if slices.Contains(add, allCaps) {
		opts = append(opts, oci.WithAllCurrentCapabilities)
	}
	notAll := func(c string) bool { return c == allCaps }
	add, drop = slices.DeleteFunc(slices.Clone(add), notAll), slices.DeleteFunc(slices.Clone(drop), notAll)
	return append(opts, oci.WithDroppedCapabilities(drop), oci.WithAddedCapabilities(add))
}

func withSeccomp(profile string, open bool) oci.SpecOpts {
	return func(ctx context.Context, cl oci.Client, c *containers.Container, s *oci.Spec) (err error) {
		switch {
		case profile == unconfined || profile == "" && open:
			s.Linux.Seccomp = nil
			return nil
		case profile == "":
			return seccomp.WithDefaultProfile()(ctx, cl, c, s)
		}
		if s.Linux.Seccomp, err = dockerseccomp.LoadProfile(profile, s); err != nil {
			return fmt.Errorf("seccomp profile: %w", err)
		}
		return nil
	}
}

func withAppArmor(profile string, h host) oci.SpecOpts {
	return func(ctx context.Context, cl oci.Client, c *containers.Container, s *oci.Spec) error {
		switch {
		case profile == unconfined || profile == "" && !h.apparmor:
			return nil
		case profile == "":
			return apparmor.WithDefaultProfile(apparmorProfile)(ctx, cl, c, s)
		case !h.apparmor:
			return fmt.Errorf("apparmor profile %s: this machine does not enforce AppArmor", profile)
		}
		return apparmor.WithProfile(profile)(ctx, cl, c, s)
	}
}

// withPropagation lets a container's mounts be seen by the host where one of
// them is shared, which its root has to allow.
func withPropagation(mounts []spec.Mount) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		if slices.ContainsFunc(mounts, func(m spec.Mount) bool { return m.Propagation == "shared" || m.Propagation == "rshared" }) {
			s.Linux.RootfsPropagation = "shared"
		}
		return nil
	}
}

// shared takes the host's namespaces in the place of a container's own.
func shared(s *spec.Service) []oci.SpecOpts {
	var opts []oci.SpecOpts
	for ns, on := range map[specs.LinuxNamespaceType]bool{
		specs.IPCNamespace: s.Namespaces.IPC, specs.PIDNamespace: s.Namespaces.PID, specs.UTSNamespace: s.Namespaces.UTS,
		specs.CgroupNamespace: s.Namespaces.Cgroup, specs.NetworkNamespace: s.NetworkMode == spec.NetworkHost,
	} {
		if on {
			opts = append(opts, oci.WithHostNamespace(ns))
		}
	}
	if s.Namespaces.UTS {
		opts = append(opts, oci.WithHostname("")) // it is the host's, and not ours to set
	}
	if s.Namespaces.IPC {
		opts = append(opts, withHostShm)
	}
	return opts
}

// withHostShm shows the memory segments of the namespace that is shared.
func withHostShm(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
	for i, m := range s.Mounts {
		if _, err := os.Stat(m.Destination); err == nil && m.Destination == "/dev/shm" {
			s.Mounts[i] = specs.Mount{Type: "bind", Source: m.Destination, Destination: m.Destination, Options: []string{"rbind", "nosuid", "noexec", "nodev"}}
		}
	}
	return nil
}

// equipment is what the service gives its processes on top.
func equipment(s *spec.Service) ([]oci.SpecOpts, error) {
	opts := []oci.SpecOpts{withSysctls(s), withUlimits(s.Ulimits), withOOMScore(s.OOMScoreAdj), withPropagation(s.Mounts), oci.WithAnnotations(pairMap(s.Annotations))}
	if s.ShmSize > 0 && !s.Namespaces.IPC {
		opts = append(opts, oci.WithDevShmSize(max(1, s.ShmSize>>10)))
	}
	if s.TTY {
		opts = append(opts, oci.WithTTY)
	}
	for _, d := range s.Devices {
		opts = append(opts, oci.WithDevices(d.Source, d.Target, d.Permissions))
	}
	for _, r := range s.DeviceRules {
		rule, err := deviceRule(r)
		if err != nil {
			return nil, err
		}
		opts = append(opts, withDeviceRule(rule))
	}
	return opts, nil
}

func pairMap(pairs []spec.Pair) map[string]string {
	out := map[string]string{}
	for _, p := range pairs {
		out[p.Name] = p.Value
	}
	return out
}

// deviceRule reads "c 1:3 rwm"; * stands for any number.
func deviceRule(text string) (specs.LinuxDeviceCgroup, error) {
	r := specs.LinuxDeviceCgroup{Allow: true}
	f := strings.Fields(text)
	bad := fmt.Errorf("device_cgroup_rules: %q is not of the form \"c 1:3 rwm\"", text)
	if len(f) != 3 || !slices.Contains([]string{"a", "b", "c"}, f[0]) || strings.Trim(f[2], "rwm") != "" {
		return r, bad
	}
	major, minor, ok := strings.Cut(f[1], ":")
	r.Type, r.Access = f[0], f[2]
	for _, n := range []struct {
		text string
		into **int64
	}{{major, &r.Major}, {minor, &r.Minor}} {
		if n.text == "*" {
			continue
		}
		v, err := strconv.ParseInt(n.text, 10, 32)
		if err != nil || !ok {
			return r, bad
		}
		*n.into = &v
	}
	return r, nil
}

func withDeviceRule(r specs.LinuxDeviceCgroup) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		s.Linux.Resources.Devices = append(s.Linux.Resources.Devices, r)
		return nil
	}
}

// withUlimits replaces containerd's limit of 1024 files: like Docker, a
// container inherits the engine's limits where the service sets none.
func withUlimits(all []spec.Ulimit) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		s.Process.Rlimits = nil
		for _, u := range all {
			s.Process.Rlimits = append(s.Process.Rlimits, specs.POSIXRlimit{
				Type: "RLIMIT_" + strings.ToUpper(u.Name), Soft: uint64(u.Soft), Hard: uint64(u.Hard), //nolint:gosec // -1 is RLIM_INFINITY
			})
		}
		return nil
	}
}

// withOOMScore also takes back the one point that the shim adds for itself.
func withOOMScore(score int) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		s.Process.OOMScoreAdj = &score
		return nil
	}
}

// withSysctls lets every user bind low ports and ping, as Docker does in a
// network namespace of the container's own; the service's own come on top.
func withSysctls(v *spec.Service) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		s.Linux.Sysctl = map[string]string{}
		if v.NetworkMode != spec.NetworkHost {
			s.Linux.Sysctl["net.ipv4.ip_unprivileged_port_start"] = "0"
			s.Linux.Sysctl["net.ipv4.ping_group_range"] = "0 2147483647"
		}
		if v.Domainname != "" {
			s.Linux.Sysctl["kernel.domainname"] = v.Domainname
		}
		for _, p := range v.Sysctls {
			s.Linux.Sysctl[p.Name] = p.Value
		}
		return nil
	}
}
