package ctrd

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/typeurl/v2"
	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/spec"
)

func TestRecordLabels(t *testing.T) {
	c := box(func(s *spec.Service) {
		s.Labels = []spec.Pair{
			{Name: "team", Value: "blue"},
			{Name: labels.Stack, Value: "evil"},
			{Name: labels.Desired, Value: "evil"},
			{Name: "com.docker.compose.project", Value: "evil"},
			{Name: labels.Endpoint, Value: "{}"},
		}
	})
	p := network.Endpoint{ID: c.ID, Stack: "shop", Attachments: []network.Attachment{{Network: "n", Address: netip.MustParsePrefix("10.1.2.3/24")}}}
	got, err := recordLabels(c, p)
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeEndpoint(got[labels.Endpoint])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("endpoint (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"n": "10.1.2.3"}, addresses(back)); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	delete(got, labels.Endpoint)
	want := identityLabels(c)
	want["team"], want[labels.Desired] = "blue", labels.DesiredRunning
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeEndpointRefusesDamage(t *testing.T) {
	if _, err := decodeEndpoint(""); err == nil || !strings.Contains(err.Error(), "endpoint label is damaged") {
		t.Errorf("got %v", err)
	}
}

// TestRelabelLeavesOursAlone: a stack file that names our labels neither
// changes them by an update nor takes them away.
func TestRelabelLeavesOursAlone(t *testing.T) {
	c := box(nil)
	all := identityLabels(c)
	all[labels.Desired], all["team"], all["old"] = labels.DesiredRunning, "blue", "1"
	old := []spec.Pair{{Name: "team"}, {Name: "old"}, {Name: labels.Hash}, {Name: labels.Desired}}
	wanted := []spec.Pair{{Name: "team", Value: "red"}, {Name: labels.Stack, Value: "evil"}, {Name: "nerdctl/name", Value: "evil"}}
	relabel(all, old, wanted)
	want := identityLabels(c)
	want[labels.Desired], want["team"] = labels.DesiredRunning, "red"
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestStoredComesBack(t *testing.T) {
	c := box(func(s *spec.Service) {
		s.Entrypoint, s.Command = []string{}, nil // cleared is not the same as not set
		s.StopGrace = spec.Duration(3e9)
		s.Restart = spec.Restart{Policy: spec.RestartOnFailure, MaxRetries: 2}
		s.Healthcheck = &spec.Healthcheck{Retries: 4}
	})
	c.Networks = []spec.Network{{Key: "default", Name: "shop_default"}}
	c.Volumes = []spec.Volume{{Key: "data", Name: "shop_data", External: true}}
	img := image{config: ocispec.ImageConfig{StopSignal: "SIGQUIT"}, health: &spec.Healthcheck{Test: []string{"CMD", "t"}}}
	want := stored{
		Service: c.Service, Networks: c.Networks, Volumes: c.Volumes, StopSignal: "SIGQUIT",
		Health: &spec.Healthcheck{Test: []string{"CMD", "t"}, Retries: 4},
	}
	ext, err := storedFor(c, img).marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := storedOf(containers.Container{Extensions: map[string]typeurl.Any{extensionKey: ext}})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got.Service.Hash() != c.Service.Hash() {
		t.Error("the model that comes back has another hash: it would be recreated for ever")
	}
}

func TestStopSignalInForce(t *testing.T) {
	for name, tt := range map[string]struct{ file, image, want string }{
		"file over image": {"SIGINT", "SIGQUIT", "SIGINT"},
		"image":           {"", "SIGQUIT", "SIGQUIT"},
		"neither":         {"", "", "SIGTERM"},
		"no signal":       {"", "SIGNONSENSE", "SIGTERM"},
		"file over none":  {"SIGINT", "SIGNONSENSE", "SIGINT"},
	} {
		c := box(func(s *spec.Service) { s.StopSignal = tt.file })
		if got := storedFor(c, image{config: ocispec.ImageConfig{StopSignal: tt.image}}).StopSignal; got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	if got := (stored{StopSignal: "SIGNONSENSE"}).stopSignal(); got != unix.SIGTERM {
		t.Errorf("what an earlier version has stored is sent as %s", got)
	}
}

func TestNoteStopSignal(t *testing.T) {
	var told []string
	e := &Engine{Config: Config{Tell: func(note string) { told = append(told, note) }}}
	for _, signal := range []string{"", "SIGQUIT", "9", "SIGNONSENSE"} {
		e.noteStopSignal(box(func(*spec.Service) {}), image{config: ocispec.ImageConfig{StopSignal: signal}})
	}
	if len(told) != 1 || !strings.Contains(told[0], `"SIGNONSENSE"`) {
		t.Errorf("told: %q", told)
	}
}

func TestStoredOfRefuses(t *testing.T) {
	with := func(url, value string) map[string]typeurl.Any {
		return map[string]typeurl.Any{extensionKey: anyValue{url: url, value: []byte(value)}}
	}
	tests := []struct {
		name string
		ext  map[string]typeurl.Any
		want string
	}{
		{"no model", nil, "does not hold its desired model"},
		{"unknown version", with("dev.stackup/service/v2", "{}"), "has version dev.stackup/service/v2, this stackup reads dev.stackup/service/v1"},
		{"damage", with(extensionURL, "{"), "unexpected end of JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := storedOf(containers.Container{Extensions: tt.ext})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
