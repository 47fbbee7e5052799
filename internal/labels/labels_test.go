package labels

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/planner"
)

func web() Identity {
	return Identity{
		Stack: "shop", Ref: planner.Ref{Kind: planner.KindContainer, Name: "web", Index: 2}, Generation: 3,
		Hash: "h1", Digest: "sha256:d", Name: "shop-web-2", Dir: "/srv/shop",
		Files: JoinFiles([]string{"/srv/shop/a.yaml", "/srv/shop/b.yaml"}),
	}
}

func TestIdentityComesBack(t *testing.T) {
	got, ok := Decode(Encode(web()))
	if diff := cmp.Diff(web(), got); !ok || diff != "" {
		t.Errorf("%t (-want +got):\n%s", ok, diff)
	}
}

// TestOtherToolsReadTheirs: what tools of the ecosystem look for.
func TestOtherToolsReadTheirs(t *testing.T) {
	got := Encode(web())
	maps.DeleteFunc(got, func(k, _ string) bool { return k[:len("dev.")] == "dev." })
	want := map[string]string{
		"com.docker.compose.project":              "shop",
		"com.docker.compose.project.working_dir":  "/srv/shop",
		"com.docker.compose.project.config_files": "/srv/shop/a.yaml,/srv/shop/b.yaml",
		"com.docker.compose.service":              "web",
		"com.docker.compose.container-number":     "2",
		"com.docker.compose.config-hash":          "h1",
		"com.docker.compose.oneoff":               "False",
		"nerdctl/name":                            "shop-web-2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeRefusesWhatIsNotOurs(t *testing.T) {
	tests := []struct {
		name   string
		damage func(map[string]string)
	}{
		{"no labels", func(m map[string]string) { clear(m) }},
		{"docker compose's alone", func(m map[string]string) {
			maps.DeleteFunc(m, func(k, _ string) bool { return k[:len("dev.")] == "dev." })
		}},
		{"no stack", func(m map[string]string) { delete(m, Stack) }},
		{"no service", func(m map[string]string) { m[Service] = "" }},
		{"no index", func(m map[string]string) { delete(m, Index) }},
		{"index is no number", func(m map[string]string) { m[Index] = "one" }},
		{"no generation", func(m map[string]string) { delete(m, Generation) }},
		{"generation is no number", func(m map[string]string) { m[Generation] = "1.5" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := Encode(web())
			tt.damage(m)
			if got, ok := Decode(m); ok || got != (Identity{}) {
				t.Errorf("taken: %+v", got)
			}
		})
	}
}

func TestOurs(t *testing.T) {
	for key := range Encode(web()) {
		if !Ours(key) {
			t.Errorf("%s is for anybody", key)
		}
	}
	for key, want := range map[string]bool{Desired: true, Endpoint: true, "dev.stackup/later": true, "team": false, "com.docker.compose.x": false, "": false} {
		if Ours(key) != want {
			t.Errorf("%q: ours is %t", key, !want)
		}
	}
}

// TestFilesFitIntoALabel: containerd refuses labels of more than 4096 bytes.
func TestFilesFitIntoALabel(t *testing.T) {
	long := "/" + strings.Repeat("x", 1400)
	if got := JoinFiles([]string{long, long, long}); got != long+","+long {
		t.Errorf("%d bytes", len(got))
	}
}
