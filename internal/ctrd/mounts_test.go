package ctrd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func TestTmpfsMount(t *testing.T) {
	tests := []struct {
		name string
		in   spec.Mount
		want string
	}{
		{"defaults", spec.Mount{}, "nosuid,nodev,noexec,mode=1777"},
		{"size and mode", spec.Mount{Size: 65536, Mode: 0o700}, "nosuid,nodev,noexec,mode=700,size=65536"},
		{"the short form's options come last and win", spec.Mount{ReadOnly: true, Options: []string{"exec", "mode=755"}}, "nosuid,nodev,noexec,mode=1777,ro,exec,mode=755"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Target = "/tmp"
			want := specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/tmp", Options: strings.Split(tt.want, ",")}
			if diff := cmp.Diff(want, tmpfsMount(tt.in)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBound(t *testing.T) {
	for mode, readOnly := range map[string]bool{"ro": true, "rw": false} {
		want := specs.Mount{Type: "bind", Source: "/a", Destination: "/b", Options: []string{"rbind", "rprivate", mode}}
		if diff := cmp.Diff(want, bound("/a", spec.Mount{Target: "/b", ReadOnly: readOnly})); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// Compose Specification, "volumes": the short form makes a missing folder, the
// long form only with create_host_path.
func TestBindMountMakesItsSourceOnlyWhenAsked(t *testing.T) {
	there, missing := t.TempDir(), filepath.Join(t.TempDir(), "a", "b")
	if _, err := bindMount(spec.Mount{Source: there, Target: "/t"}); err != nil {
		t.Errorf("a source that is there: %v", err)
	}
	_, err := bindMount(spec.Mount{Source: missing, Target: "/t"})
	if err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing source: %v", err)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("the refused source was made")
	}
	m, err := bindMount(spec.Mount{Source: missing, Target: "/t", CreateHostPath: true})
	if err != nil || m.Source != missing {
		t.Fatalf("%+v, %v", m, err)
	}
	if st, err := os.Stat(missing); err != nil || !st.IsDir() {
		t.Errorf("the source was not made: %v", err)
	}
}

func TestAnonymousNameIsOfTheReplica(t *testing.T) {
	a := box(nil)
	next := a
	next.ID, next.Generation, next.Hash = "shop-web-1-2", 2, "h2"
	if anonymousName(a, spec.Mount{Target: "/data"}) != anonymousName(next, spec.Mount{Target: "/data"}) {
		t.Error("a recreated container gets another volume")
	}
	others := map[string]string{"": anonymousName(a, spec.Mount{Target: "/data"})}
	stack, service, index := a, a, a
	stack.Stack, service.Ref.Name, index.Ref.Index = "other", "db", 2
	others["target"] = anonymousName(a, spec.Mount{Target: "/data2"})
	others["stack"] = anonymousName(stack, spec.Mount{Target: "/data"})
	others["service"] = anonymousName(service, spec.Mount{Target: "/data"})
	others["index"] = anonymousName(index, spec.Mount{Target: "/data"})
	seen := map[string]string{}
	for what, name := range others {
		if twin, ok := seen[name]; ok {
			t.Errorf("another %q and another %q give one volume", what, twin)
		}
		seen[name] = what
	}
}

func TestMountsOfAContainer(t *testing.T) {
	e := unconnected(t)
	c := box(func(s *spec.Service) {
		s.Mounts = []spec.Mount{
			{Type: spec.MountVolume, Source: "data", Target: "/data"},
			{Type: spec.MountVolume, Target: "/scratch"},
			{Type: spec.MountTmpfs, Target: "/tmp"},
		}
	})
	c.Volumes = []spec.Volume{{Key: "data", Name: "shop_data"}}
	if err := e.CreateVolume(t.Context(), "shop", c.Volumes[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(e.volumes.Data("shop_data")); err != nil { // its creation was interrupted
		t.Fatal(err)
	}
	got, err := e.mounts(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, m := range got {
		places = append(places, m.Destination+" "+m.Source)
	}
	anon := anonymousName(c, spec.Mount{Target: "/scratch"})
	files := e.Dirs.Container(c.ID)
	want := []string{
		"/etc/hosts " + files + "/hosts", "/etc/resolv.conf " + files + "/resolv.conf", "/etc/hostname " + files + "/hostname",
		"/data " + e.volumes.Data("shop_data"), "/scratch " + e.volumes.Data(anon), "/tmp tmpfs",
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := os.Stat(e.volumes.Data("shop_data")); err != nil {
		t.Error(err)
	}
	vols, err := e.volumes.List()
	if diff := cmp.Diff([]planner.Volume{{Name: anon, Stack: "shop", Anonymous: true}, {Key: "data", Name: "shop_data", Stack: "shop"}}, vols); err != nil || diff != "" {
		t.Errorf("volumes: %v (-want +got):\n%s", err, diff)
	}
}

func TestMountsRefuse(t *testing.T) {
	tests := []struct {
		name   string
		change func(*spec.Service)
		want   string
	}{
		{"an unplanned volume", func(s *spec.Service) { s.Mounts = []spec.Mount{{Type: spec.MountVolume, Source: "data", Target: "/d"}} }, `mount /d: volume "data" is not in the plan`},
		{"an unknown type", func(s *spec.Service) { s.Mounts = []spec.Mount{{Type: "npipe", Target: "/d"}} }, `mount /d: unknown mount type "npipe"`},
		{"init without its program", func(s *spec.Service) { s.Init = true }, "init: the program stackup-init is missing beside stackup"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := unconnected(t).mounts(t.Context(), box(tt.change))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
