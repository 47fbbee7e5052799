package ctrd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/cgroups/v3"
	"github.com/containerd/containerd/v2/contrib/apparmor"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/spec"
)

// pidsLimit bounds a fork bomb; Docker sets none.
const pidsLimit = 4096

// initPath is where the init program is mounted for init: true.
const initPath = "/sbin/stackup-init"

// apparmorProfile is loaded where the host enforces AppArmor.
const apparmorProfile = "stackup-default"

// host is what of the host shapes an OCI spec.
type host struct {
	cgroupV2 bool
	apparmor bool
	throttle []string // thermal_throttle folders, which leak timing of other tenants
}

func probeHost() host {
	throttle, _ := filepath.Glob("/sys/devices/system/cpu/cpu*/thermal_throttle") // the pattern is good
	return host{
		cgroupV2: cgroups.Mode() == cgroups.Unified,
		apparmor: apparmorEnforced(),
		throttle: throttle,
	}
}

func apparmorEnforced() bool {
	b, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	if err != nil || !strings.HasPrefix(string(b), "Y") {
		return false
	}
	_, err = os.Stat("/sbin/apparmor_parser")
	return err == nil
}

// loadAppArmor puts our profile into the kernel, which has forgotten it after
// a reboot.
func loadAppArmor() error {
	if !apparmorEnforced() {
		return nil
	}
	if err := apparmor.LoadDefaultProfile(apparmorProfile); err != nil {
		return fmt.Errorf("load the AppArmor profile %s: %w", apparmorProfile, err)
	}
	return nil
}

// processArgs is what runs: the Compose Specification's rules for combining a
// service with its image. Setting entrypoint drops the image's command.
func processArgs(s *spec.Service, img image) ([]string, error) {
	entry, cmd := s.Entrypoint, s.Command
	if entry == nil {
		entry = img.config.Entrypoint
		if cmd == nil {
			cmd = img.config.Cmd
		}
	}
	args := slices.Concat(entry, cmd)
	if len(args) == 0 {
		return nil, fmt.Errorf("service %s: neither the service nor image %s says what to run; set command", s.Name, s.Image)
	}
	if s.Init {
		args = append([]string{initPath}, args...)
	}
	return args, nil
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environ is PATH and HOSTNAME, overridden by the image's, overridden by the service's.
func environ(s *spec.Service, img image, hostname string) []string {
	env := []string{defaultPath, "HOSTNAME=" + hostname}
	for _, kv := range img.config.Env {
		env = setEnv(env, kv)
	}
	for _, p := range s.Environment {
		env = setEnv(env, p.Name+"="+p.Value)
	}
	return env
}

func setEnv(env []string, kv string) []string {
	name, _, _ := strings.Cut(kv, "=")
	for i, old := range env {
		if strings.HasPrefix(old, name+"=") {
			env[i] = kv
			return env
		}
	}
	return append(env, kv)
}

// ociSpec builds the OCI runtime spec of a container. Its isolation equals
// that of Docker 29 by default; see docs/security.md for each item.
func (e *Engine) ociSpec(ctx context.Context, c executor.ContainerSpec, img image, h host, rec *containers.Container, mounts []specs.Mount) (*oci.Spec, error) {
	opts, err := e.specOpts(c, img, h, mounts)
	if err != nil {
		return nil, err
	}
	opts = append(opts, withUser(firstOf(c.Service.User, img.config.User)))
	if groups := c.Service.GroupAdd; len(groups) > 0 {
		opts = append(opts, oci.WithAppendAdditionalGroups(groups...))
	}
	opts = append(opts, withUmask(c.Service.Umask), withCDI(c.Service.CDI, e.Log))
	return oci.GenerateSpec(e.ctx(ctx), e.client, rec, opts...)
}

// specOpts is all of the spec that can be said without the image's files.
func (e *Engine) specOpts(c executor.ContainerSpec, img image, h host, mounts []specs.Mount) ([]oci.SpecOpts, error) {
	s := &c.Service
	args, err := processArgs(s, img)
	if err != nil {
		return nil, err
	}
	hostname := hostnameOf(c)
	opts := []oci.SpecOpts{
		oci.WithDefaultSpec(),
		withVersion,
		oci.WithProcessArgs(args...),
		oci.WithProcessCwd(firstOf(s.WorkingDir, img.config.WorkingDir, "/")),
		oci.WithHostname(hostname),
		withEnv(environ(s, img, hostname)),
		oci.WithLinuxNamespace(specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: e.Network.NetnsPath(c.ID)}),
		oci.WithCgroup(e.cgroupPath(c.ID, s)),
		oci.WithMounts(mounts),
	}
	if s.ReadOnly {
		opts = append(opts, oci.WithRootFSReadonly())
	}
	more, err := equipment(s)
	if err != nil {
		return nil, err
	}
	own := oci.WithAnnotations(map[string]string{groupAnnotation: c.Stack}) // over the service's
	return slices.Concat(opts, defaultSecurity(h), more, e.shared(c.ID, s), []oci.SpecOpts{own, withResources(s.Resources, s.Fixed)}, confine(s, h)), nil
}

// ociVersion is the oldest version of the OCI runtime specification that has all
// we use; crun refuses versions that it does not know.
const ociVersion = "1.0.2"

func withVersion(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
	s.Version = ociVersion
	return nil
}

// defaultSecurity is Docker's default profile, but for AppArmor and seccomp.
func defaultSecurity(h host) []oci.SpecOpts {
	opts := []oci.SpecOpts{
		oci.WithoutRunMount,
		oci.WithNewPrivileges,
		oci.WithDefaultUnixDevices,
		oci.WithMaskedPaths(maskedPaths(h)),
		oci.WithReadonlyPaths([]string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}),
		oci.WithMounts([]specs.Mount{{
			Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup",
			Options: []string{"ro", "nosuid", "noexec", "nodev"},
		}}),
	}
	if h.cgroupV2 {
		// oci.WithNamespacedCgroup is something else: a path for the group.
		opts = append(opts, oci.WithLinuxNamespace(specs.LinuxNamespace{Type: specs.CgroupNamespace}))
	}
	return opts
}

func maskedPaths(h host) []string {
	return append([]string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
		"/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	}, h.throttle...)
}

func withEnv(env []string) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		s.Process.Env = env
		return nil
	}
}

// withUser resolves the user and its supplementary groups by the image's own
// files; nothing means root.
func withUser(user string) oci.SpecOpts {
	return func(ctx context.Context, cl oci.Client, c *containers.Container, s *oci.Spec) error {
		cl = plainFiles{cl}
		if user == "" {
			return oci.WithAdditionalGIDs("root")(ctx, cl, c, s)
		}
		if err := oci.WithUser(user)(ctx, cl, c, s); err != nil {
			return fmt.Errorf("user %q: %w", user, err)
		}
		if strings.Contains(user, ":") {
			return nil // an explicit group stands alone, as with Docker
		}
		return oci.WithAdditionalGIDs(fmt.Sprint(s.Process.User.UID))(ctx, cl, c, s)
	}
}

// hostnameOf is the service's hostname, else the container's visible name as
// far as a host name may go: 63 characters of RFC 1123.
func hostnameOf(c executor.ContainerSpec) string {
	if own := firstOf(c.Service.Hostname, c.Hostname); own != "" {
		return own
	}
	if own, err := os.Hostname(); err == nil && c.Service.NetworkMode == spec.NetworkHost {
		return own
	}
	name := strings.Map(func(r rune) rune {
		if r == '_' || r == '.' {
			return '-'
		}
		return r
	}, c.Name)
	return strings.TrimRight(name[:min(len(name), 63)], "-")
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
