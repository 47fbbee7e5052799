package ctrd

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/spec"
)

func confined(t *testing.T, s spec.Service) *specs.Spec {
	t.Helper()
	s.Name, s.Image = "web", "docker.io/library/nginx:latest"
	return specFor(t, executor.ContainerSpec{ID: "c", Stack: "shop", Name: "shop-web-1", Service: s}, nginx, host{})
}

func TestCapabilities(t *testing.T) {
	has := func(s *specs.Spec, c string) bool { return slices.Contains(s.Process.Capabilities.Effective, c) }
	tests := []struct {
		name      string
		add, drop []string
		with      []string
		without   []string
	}{
		{"the default", nil, nil, []string{"CAP_CHOWN", "CAP_NET_RAW"}, []string{"CAP_NET_ADMIN"}},
		{"one more", []string{"CAP_NET_ADMIN"}, nil, []string{"CAP_CHOWN", "CAP_NET_ADMIN"}, nil},
		{"one less", nil, []string{"CAP_CHOWN"}, []string{"CAP_NET_RAW"}, []string{"CAP_CHOWN"}},
		{"none but one", []string{"CAP_CHOWN"}, []string{"ALL"}, []string{"CAP_CHOWN"}, []string{"CAP_NET_RAW"}},
		{"all but one", []string{"ALL"}, []string{"CAP_CHOWN"}, []string{"CAP_NET_RAW"}, []string{"CAP_CHOWN"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := confined(t, spec.Service{Security: spec.Security{CapAdd: tt.add, CapDrop: tt.drop}})
			for _, c := range tt.with {
				if !has(s, c) {
					t.Errorf("lacks %s: %v", c, s.Process.Capabilities.Effective)
				}
			}
			for _, c := range tt.without {
				if has(s, c) {
					t.Errorf("has %s", c)
				}
			}
			if len(s.Process.Capabilities.Inheritable)+len(s.Process.Capabilities.Ambient) > 0 {
				t.Errorf("inheritable or ambient: %+v", s.Process.Capabilities)
			}
		})
	}
}

func TestSecurityOptions(t *testing.T) {
	plain := confined(t, spec.Service{})
	if plain.Process.NoNewPrivileges || plain.Linux.Seccomp == nil || len(plain.Linux.MaskedPaths) == 0 {
		t.Errorf("default: %+v", plain.Process)
	}
	strict := confined(t, spec.Service{Security: spec.Security{NoNewPrivileges: true}})
	open := confined(t, spec.Service{Security: spec.Security{Seccomp: "unconfined", Unmasked: true}})
	if !strict.Process.NoNewPrivileges || open.Linux.Seccomp != nil || len(open.Linux.MaskedPaths)+len(open.Linux.ReadonlyPaths) > 0 {
		t.Errorf("no-new-privileges %t, seccomp %v, masked %v", strict.Process.NoNewPrivileges, open.Linux.Seccomp, open.Linux.MaskedPaths)
	}
	own := confined(t, spec.Service{Security: spec.Security{
		Seccomp: `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","includes":{"caps":["CAP_CHOWN"]}}]}`,
	}})
	if own.Linux.Seccomp.DefaultAction != specs.ActAllow || len(own.Linux.Seccomp.Syscalls) != 1 {
		t.Errorf("profile of a file: %+v", own.Linux.Seccomp)
	}
	all := confined(t, spec.Service{Security: spec.Security{Privileged: true}})
	if all.Linux.Seccomp != nil || len(all.Linux.MaskedPaths) > 0 || !slices.Contains(all.Process.Capabilities.Effective, "CAP_SYS_ADMIN") {
		t.Errorf("privileged: %+v", all.Linux)
	}
}

func TestNamespacesOfTheHost(t *testing.T) {
	s := confined(t, spec.Service{NetworkMode: spec.NetworkHost, Namespaces: spec.Namespaces{PID: true, IPC: true, UTS: true}})
	for _, ns := range s.Linux.Namespaces {
		if ns.Type != specs.MountNamespace {
			t.Errorf("namespace %s of its own", ns.Type)
		}
	}
	if _, ok := s.Linux.Sysctl["net.ipv4.ip_unprivileged_port_start"]; ok || s.Hostname != "" {
		t.Errorf("would set the host's: %v, host name %q", s.Linux.Sysctl, s.Hostname)
	}
}

func TestDeviceRule(t *testing.T) {
	one, three := int64(1), int64(3)
	got, err := deviceRule("c 1:3 rm")
	if diff := cmp.Diff(specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: &one, Minor: &three, Access: "rm"}, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if got, err := deviceRule("a *:* rwm"); err != nil || got.Major != nil || got.Minor != nil {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "c 1 r", "x 1:1 r", "c 1:a r", "c 1:1 z", "c 1:1"} {
		if _, err := deviceRule(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestResources(t *testing.T) {
	bounded := func(r *specs.LinuxResources, want int64) bool {
		return !hasController("pids") || r.Pids != nil && *r.Pids.Limit == want
	}
	r, err := linuxResources(spec.Resources{CPUs: 1.5, CPUSet: "0", Memory: 64 << 20, MemorySwap: -1, Pids: -1})
	if err != nil || *r.CPU.Quota != 150_000 || *r.CPU.Period != cpuPeriod || r.CPU.Cpus != "0" || *r.Memory.Limit != 64<<20 || *r.Memory.Swap != -1 || !bounded(r, -1) {
		t.Errorf("%+v %+v, %v", r.CPU, r.Memory, err)
	}
	if none, err := linuxResources(spec.Resources{}); err != nil || none.CPU != nil || none.Memory != nil || none.BlockIO != nil || !bounded(none, pidsLimit) {
		t.Errorf("without any limit: %+v, %v", none, err)
	}
	if _, err := linuxResources(spec.Resources{BlkioReadBps: []spec.BlkioPer{{Path: "/dev/null", Rate: 1}}}); err == nil {
		t.Error("a character device was taken for a disk")
	}
}

// TestLift: what is limited no more is given the kernel's default, as an update
// leaves alone what it does not name.
func TestLift(t *testing.T) {
	now, err := linuxResources(spec.Resources{Memory: 32 << 20})
	if err != nil {
		t.Fatal(err)
	}
	lift(now, spec.Resources{CPUs: 1, CPUShares: 10, Memory: 64 << 20, MemoryReservation: 1 << 20})
	if *now.CPU.Quota != -1 || *now.CPU.Shares != 1024 || *now.Memory.Limit != 32<<20 || *now.Memory.Reservation != -1 {
		t.Errorf("%+v %+v", now.CPU, now.Memory)
	}
}
