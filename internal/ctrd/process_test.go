package ctrd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/spec"
)

func imageOf(entry, cmd []string) image {
	return image{config: ocispec.ImageConfig{Entrypoint: entry, Cmd: cmd}}
}

// Compose Specification, "command" and "entrypoint": what is not set is the
// image's, what is set to nothing is cleared, and setting entrypoint drops the
// image's command.
func TestProcessArgs(t *testing.T) {
	none := []string{}
	both := imageOf([]string{"ie"}, []string{"ic"})
	tests := []struct {
		name       string
		entry, cmd []string
		img        image
		want       string
	}{
		{"neither set", nil, nil, both, "ie ic"},
		{"neither set, image has a command only", nil, nil, imageOf(nil, []string{"ic"}), "ic"},
		{"neither set, image has an entrypoint only", nil, nil, imageOf([]string{"ie"}, nil), "ie"},
		{"command set", nil, []string{"c", "d"}, both, "ie c d"},
		{"command set, image has none", nil, []string{"c"}, image{}, "c"},
		{"command cleared", nil, none, both, "ie"},
		{"entrypoint set", []string{"e"}, nil, both, "e"},
		{"entrypoint set, command cleared", []string{"e"}, none, both, "e"},
		{"both set", []string{"e"}, []string{"c"}, both, "e c"},
		{"entrypoint cleared, command set", none, []string{"c"}, both, "c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := processArgs(&spec.Service{Name: "web", Entrypoint: tt.entry, Command: tt.cmd}, tt.img)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestProcessArgsRefusesNothingToRun(t *testing.T) {
	none := []string{}
	tests := []struct {
		name       string
		entry, cmd []string
		img        image
	}{
		{"nowhere set", nil, nil, image{}},
		{"entrypoint cleared drops the image's command", none, nil, imageOf([]string{"ie"}, []string{"ic"})},
		{"both cleared", none, none, imageOf([]string{"ie"}, []string{"ic"})},
		{"command cleared, image has no entrypoint", nil, none, imageOf(nil, []string{"ic"})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := processArgs(&spec.Service{Name: "web", Image: "img", Entrypoint: tt.entry, Command: tt.cmd, Init: true}, tt.img)
			if err == nil || !strings.Contains(err.Error(), "service web") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestProcessArgsLeavesTheModelAlone(t *testing.T) {
	entry := make([]string, 1, 4)
	entry[0] = "e"
	s := spec.Service{Entrypoint: entry, Command: []string{"c"}, Init: true}
	got, err := processArgs(&s, image{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{initPath, "e", "c"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"e", "", "", ""}, entry[:4]); diff != "" {
		t.Errorf("the service's own slice was written to (-want +got):\n%s", diff)
	}
}

func TestEnviron(t *testing.T) {
	tests := []struct {
		name    string
		image   []string
		service []spec.Pair
		want    []string
	}{
		{"nothing set", nil, nil, []string{defaultPath, "HOSTNAME=h"}},
		{
			"image over defaults, service over image",
			[]string{"PATH=/image", "A=image", "B=image"},
			[]spec.Pair{{Name: "B", Value: "service"}, {Name: "HOSTNAME", Value: "mine"}, {Name: "C", Value: ""}},
			[]string{"PATH=/image", "HOSTNAME=mine", "A=image", "B=service", "C="},
		},
		{
			"a name that begins another is another",
			[]string{"AB=1"},
			[]spec.Pair{{Name: "A", Value: "x=y"}},
			[]string{defaultPath, "HOSTNAME=h", "AB=1", "A=x=y"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := environ(&spec.Service{Environment: tt.service}, image{config: ocispec.ImageConfig{Env: tt.image}}, "h")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSetEnv(t *testing.T) {
	for name, tt := range map[string]struct{ env, kv, want string }{
		"new":                 {"A=1", "B=2", "A=1 B=2"},
		"replaced in place":   {"A=1 B=2 C=3", "B=9", "A=1 B=9 C=3"},
		"value with equals":   {"A=1", "A=b=c", "A=b=c"},
		"case is significant": {"a=1", "A=2", "a=1 A=2"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(setEnv(strings.Fields(tt.env), tt.kv), " ")
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHostnameOf(t *testing.T) {
	tests := []struct{ name, hostname, visible, want string }{
		{"the service's own", "db.example", "shop-web-1", "db.example"},
		{"visible name", "", "shop-web-1", "shop-web-1"},
		{"only letters, digits and hyphens", "", "my_shop.web_1", "my-shop-web-1"},
		{"63 characters at most", "", strings.Repeat("a", 70), strings.Repeat("a", 63)},
		{"no hyphen at the cut", "", strings.Repeat("a", 62) + "_1", strings.Repeat("a", 62)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := box(func(s *spec.Service) { s.Hostname = tt.hostname })
			c.Name = tt.visible
			if got := hostnameOf(c); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
