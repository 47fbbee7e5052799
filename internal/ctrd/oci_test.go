package ctrd

import (
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// specFor is the OCI spec in the default world, without what takes the
// image's files.
func specFor(t *testing.T, c executor.ContainerSpec, img image, h host) *oci.Spec {
	t.Helper()
	d := statedir.Dirs{Root: statedir.DefaultRoot, State: statedir.DefaultState}
	e := &Engine{Config: Config{Dirs: d, Network: &network.Host{Dirs: d}}}
	mounts, err := e.mounts(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	opts, err := e.specOpts(c, img, h, mounts)
	if err != nil {
		t.Fatal(err)
	}
	s, err := oci.GenerateSpec(e.ctx(t.Context()), nil, &containers.Container{ID: c.ID}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

var nginx = image{config: ocispec.ImageConfig{
	Env: []string{"NGINX_VERSION=1"}, Entrypoint: []string{"/docker-entrypoint.sh"}, Cmd: []string{"nginx"},
}}

// TestDefaultSpec: the isolation of a container that asks for nothing special,
// field by field. Whoever changes a golden file changes docs/security.md too.
func TestDefaultSpec(t *testing.T) {
	hosts := map[string]host{
		"cgroup1": {},
		"cgroup2": {cgroupV2: true, throttle: []string{"/sys/devices/system/cpu/cpu0/thermal_throttle"}},
	}
	for name, h := range hosts {
		t.Run(name, func(t *testing.T) {
			s := specFor(t, box(nil), nginx, h)
			s.Linux.Seccomp = nil // has a golden file of its own
			golden(t, "spec-"+name+".json", asJSON(t, s))
		})
	}
}

// TestDefaultSeccomp pins the system calls that the library's profile allows,
// so that an update of the library shows what it changes.
func TestDefaultSeccomp(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the golden file is for amd64")
	}
	golden(t, "seccomp-amd64.json", asJSON(t, specFor(t, box(nil), nginx, host{}).Linux.Seccomp))
}

// TestCapabilitiesAreDockers: the fourteen of Docker, none of them ambient.
func TestCapabilitiesAreDockers(t *testing.T) {
	want := strings.Fields("CAP_AUDIT_WRITE CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_MKNOD " +
		"CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_CHROOT")
	got := specFor(t, box(nil), nginx, host{}).Process.Capabilities
	for set, caps := range map[string][]string{"bounding": got.Bounding, "effective": got.Effective, "permitted": got.Permitted} {
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(caps))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", set, diff)
		}
	}
	if len(got.Ambient)+len(got.Inheritable) > 0 {
		t.Errorf("ambient %v, inheritable %v", got.Ambient, got.Inheritable)
	}
}

func TestServiceShapesTheSpec(t *testing.T) {
	c := box(func(s *spec.Service) {
		s.ReadOnly, s.WorkingDir, s.Hostname = true, "/srv", "w"
		s.Command = []string{"sleep", "1"}
		s.Mounts = []spec.Mount{{Type: spec.MountTmpfs, Target: "/etc/hosts"}}
	})
	s := specFor(t, c, nginx, host{})
	if !s.Root.Readonly || s.Process.Cwd != "/srv" || s.Hostname != "w" {
		t.Errorf("read-only %t, cwd %s, hostname %s", s.Root.Readonly, s.Process.Cwd, s.Hostname)
	}
	if diff := cmp.Diff([]string{"/docker-entrypoint.sh", "sleep", "1"}, s.Process.Args); diff != "" {
		t.Errorf("args (-want +got):\n%s", diff)
	}
	last := s.Mounts[len(s.Mounts)-1]
	var hosts []string
	for _, m := range s.Mounts {
		if m.Destination == "/etc/hosts" {
			hosts = append(hosts, m.Type)
		}
	}
	if diff := cmp.Diff([]string{"bind", "tmpfs"}, hosts); diff != "" {
		t.Errorf("a service's own mount comes after the managed file (-want +got):\n%s", diff)
	}
	if last.Destination != "/sys/fs/cgroup" || !slices.Contains(last.Options, "ro") {
		t.Errorf("last mount: %+v", last)
	}
	img := image{config: ocispec.ImageConfig{Cmd: []string{"x"}, WorkingDir: "/img"}}
	if got := specFor(t, box(nil), img, host{}).Process.Cwd; got != "/img" {
		t.Errorf("cwd of the image: %s", got)
	}
}

func TestMaskedPathsHideThermalThrottle(t *testing.T) {
	plain := maskedPaths(host{})
	got := maskedPaths(host{throttle: []string{"/sys/a", "/sys/b"}})
	if diff := cmp.Diff(append(plain, "/sys/a", "/sys/b"), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
