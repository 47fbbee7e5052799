package planner

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"stackup.dev/stackup/spec"
)

func TestContainerID(t *testing.T) {
	tests := []struct{ name, stack, service, want string }{
		{"plain", "shop", "web", "shop-web-2-g3"},
		{"dash in the stack", "my-shop", "web", "my-shop-web-2-g3"},
		{"dash in the service", "my", "shop-web", "my-shop-web.09dc8453-2-g3"},
		{"runs of separators", "a__b", "c", "a_b-c.a92700ce-2-g3"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := ContainerID(tc.stack, tc.service, 2, 3); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// TestContainerIDFitsAndDiffers: whatever the names, containerd takes the ID,
// and other names give another ID.
func TestContainerIDFitsAndDiffers(t *testing.T) {
	fits := regexp.MustCompile(`^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$`)
	name := rapid.OneOf(rapid.StringMatching(`[ab_.-]{1,4}`), rapid.StringMatching(`[a-z0-9][a-z0-9_.-]{0,80}`))
	rapid.Check(t, func(rt *rapid.T) {
		a := [2]string{name.Draw(rt, "stack"), name.Draw(rt, "service")}
		b := [2]string{name.Draw(rt, "other stack"), name.Draw(rt, "other service")}
		n, g := rapid.IntRange(1, 1000).Draw(rt, "n"), rapid.IntRange(1, 100000).Draw(rt, "g")
		id := ContainerID(a[0], a[1], n, g)
		if len(id) > 76 || !fits.MatchString(id) {
			rt.Errorf("%q does not fit", id)
		}
		if a != b && id == ContainerID(b[0], b[1], n, g) {
			rt.Errorf("%q and %q meet in %q", a, b, id)
		}
	})
}

func TestMakeCountsEveryAddress(t *testing.T) {
	tests := []struct {
		name         string
		wanted, held string
		protocol     string
		conflict     bool
	}{
		{"all against all", "", "0.0.0.0", "tcp", true},
		{"all against one", "", "127.0.0.1", "tcp", true},
		{"one against all", "127.0.0.1", "", "tcp", true},
		{"one against all of IPv4", "127.0.0.1", "0.0.0.0", "tcp", true},
		{"one against all of IPv6", "127.0.0.1", "::", "tcp", false},
		{"all of IPv4 against all of IPv6", "0.0.0.0", "::", "tcp", false},
		{"one of IPv6 against all of it", "fd00::1", "::", "tcp", true},
		{"the same", "127.0.0.1", "127.0.0.1", "tcp", true},
		{"another", "127.0.0.1", "10.0.0.1", "tcp", false},
		{"another protocol", "", "0.0.0.0", "udp", false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := &spec.Stack{Name: "s", Services: []spec.Service{{
				Name: "web", Image: "i", Replicas: 1,
				Ports: []spec.Port{{HostIP: tc.wanted, HostPort: 80, HostPortEnd: 80, Target: 80, Protocol: "tcp"}},
			}}}
			st := State{
				Images:     []Image{{Ref: "i", Local: "sha256:1"}},
				PortsInUse: []PortUse{{HostIP: tc.held, Port: 80, Protocol: tc.protocol, Holder: "nginx (pid 12)"}},
			}
			_, err := Make(s, st, Options{})
			if (err != nil) != tc.conflict {
				t.Errorf("got %v, want a conflict: %v", err, tc.conflict)
			}
		})
	}
}

func TestMakeRefusesCircle(t *testing.T) {
	s := &spec.Stack{Name: "s"}
	for _, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		s.Services = append(s.Services, spec.Service{
			Name: names[0], Image: "i", Replicas: 1,
			DependsOn: []spec.Dependency{{Service: names[1], Condition: spec.Started}},
		})
	}
	_, err := Make(s, State{Images: []Image{{Ref: "i", Local: "sha256:1"}}}, Options{})
	if err == nil || !strings.Contains(err.Error(), "cycle") {
		t.Errorf("got %v", err)
	}
}

func TestDestructive(t *testing.T) {
	st := State{Volumes: []Volume{{Key: "data", Name: "s_data", Stack: "s"}}}
	got := map[bool]bool{}
	for _, consent := range []bool{false, true} {
		p, err := Make(&spec.Stack{Name: "s"}, st, Options{Down: true, RemoveVolumes: consent})
		if err != nil {
			t.Fatal(err)
		}
		got[consent] = p.Destructive()
	}
	if diff := cmp.Diff(map[bool]bool{false: false, true: true}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestANetworkIsNotChanged: each setting that differs is told, and nothing is done.
func TestANetworkIsNotChanged(t *testing.T) {
	made := spec.Network{Key: "n", Name: "s_n", Pool: spec.Pool{Subnet: "10.9.0.0/24"}}
	want := made
	want.IPv6, want.Apart, want.Range = &spec.Pool{Subnet: "fd00::/64"}, true, "10.9.0.64/26"
	s := &spec.Stack{Name: "s", Networks: []spec.Network{want}}
	have := State{Networks: []Network{{Key: "n", Name: "s_n", Stack: "s", Made: made}}}
	_, err := Make(s, have, Options{})
	for _, what := range []string{"enable_ipv6", "enable_icc", "ip_range", "IPv6.subnet"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want it to name %s", err, what)
		}
	}
	have.Networks[0].Made = want
	if _, err := Make(s, have, Options{}); err != nil {
		t.Error(err)
	}
}
