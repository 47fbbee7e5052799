package main

import (
	"context"

	"github.com/containerd/cgroups/v3"
	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// specVersion is one that older runtimes know, too; crun 1.8 refuses a newer.
const specVersion = "1.1.0"

// spec is the OCI spec of container i, isolated as Docker does it by default:
// less would not be what any peer does.
func (f *floor) spec(ctx context.Context, i int, rec *containers.Container) (*oci.Spec, error) {
	opts := []oci.SpecOpts{
		oci.WithDefaultSpec(),
		oci.WithProcessArgs("/bin/sleep", "1000000"),
		oci.WithHostname(f.id(i)),
		oci.WithLinuxNamespace(specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: f.netns(i)}),
		oci.WithCgroup("/" + f.namespace + "/" + f.id(i)),
		oci.WithPidsLimit(4096),
		oci.WithoutRunMount,
		oci.WithNewPrivileges,
		oci.WithDefaultUnixDevices,
		oci.WithMaskedPaths([]string{
			"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
			"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
			"/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
		}),
		oci.WithReadonlyPaths([]string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}),
		oci.WithMounts([]specs.Mount{{
			Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup",
			Options: []string{"ro", "nosuid", "noexec", "nodev"},
		}}),
	}
	if cgroups.Mode() == cgroups.Unified {
		opts = append(opts, oci.WithLinuxNamespace(specs.LinuxNamespace{Type: specs.CgroupNamespace}))
	}
	if f.shim.grouped() {
		opts = append(opts, oci.WithAnnotations(map[string]string{groupAnnotation: f.namespace}))
	}
	opts = append(opts, seccomp.WithDefaultProfile()) // last: it is made from the capabilities
	s, err := oci.GenerateSpec(ctx, nil, rec, opts...)
	if err == nil {
		s.Version = specVersion
	}
	return s, err
}
