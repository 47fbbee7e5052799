package ctrd

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/contrib/apparmor"
	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	dockerseccomp "github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/selinux/go-selinux"
	selinuxlabel "github.com/opencontainers/selinux/go-selinux/label"

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
	opts = append(opts, withMasks(v.Mask, v.Unmask), withSELinux(v.Labels))
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

// withMasks hides more, and shows some of what is hidden or read-only by default.
func withMasks(mask, unmask []string) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		shown := func(p string) bool {
			return slices.ContainsFunc(unmask, func(pattern string) bool { ok, _ := path.Match(pattern, p); return ok })
		}
		s.Linux.MaskedPaths = slices.DeleteFunc(slices.Clone(s.Linux.MaskedPaths), shown)
		s.Linux.ReadonlyPaths = slices.DeleteFunc(slices.Clone(s.Linux.ReadonlyPaths), shown)
		s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, mask...)
		return nil
	}
}

// withSELinux labels the processes and mounts, where the machine has SELinux.
func withSELinux(options []string) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		if len(options) == 0 || !selinux.GetEnabled() {
			return nil
		}
		process, mount, err := selinuxlabel.InitLabels(options)
		if err != nil {
			return fmt.Errorf("security_opt label: %w", err)
		}
		s.Process.SelinuxLabel, s.Linux.MountLabel = process, mount
		return nil
	}
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

// shared takes the host's namespaces, or another container's, in the place of a
// container's own.
func (e *Engine) shared(id string, s *spec.Service) []oci.SpecOpts {
	var opts []oci.SpecOpts
	for _, ns := range e.borrowed(id, s) {
		opts = append(opts, oci.WithLinuxNamespace(ns))
	}
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
	if _, err := os.Stat("/dev/shm"); err == nil && s.Namespaces.IPC {
		opts = append(opts, withShm("/dev/shm"))
	}
	if s.Namespaces.Shareable || s.Namespaces.IPCOf != "" {
		opts = append(opts, withShm(e.shmDir(id)))
	}
	return opts
}

// withShm shows the memory segments of a namespace that is shared.
func withShm(dir string) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		for i, m := range s.Mounts {
			if m.Destination == "/dev/shm" {
				s.Mounts[i] = specs.Mount{Type: "bind", Source: dir, Destination: m.Destination, Options: []string{"rbind", "nosuid", "noexec", "nodev"}}
			}
		}
		return nil
	}
}

// equipment is what the service gives its processes on top.
func equipment(s *spec.Service) ([]oci.SpecOpts, error) {
	opts := []oci.SpecOpts{withSysctls(s), withUlimits(s.Ulimits), withOOMScore(s.OOMScoreAdj), withPropagation(s.Mounts), oci.WithAnnotations(spec.PairMap(s.Annotations))}
	if s.ShmSize > 0 && !s.Namespaces.IPC && s.Namespaces.IPCOf == "" {
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
		if ownNetwork(v) {
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
