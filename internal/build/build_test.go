package build

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

func TestArguments(t *testing.T) {
	r := Request{
		Ref: "docker.io/library/shop-web:latest", Images: map[string]string{"base": "docker.io/library/shop-base:latest"},
		Build: &spec.Build{
			Context: "/srv/shop", Dockerfile: "docker/web.Dockerfile", Target: "prod",
			Args: []spec.Pair{{Name: "V", Value: "a b"}}, Labels: []spec.Pair{{Name: "l", Value: "1"}},
			Contexts:  []spec.Pair{{Name: "base", Value: "service:base"}, {Name: "docs", Value: "/srv/docs"}, {Name: "src", Value: "https://example.com/x.git"}},
			Tags:      []string{"docker.io/library/web:2"},
			Platforms: []string{"linux/amd64", "linux/386"},
			CacheFrom: []string{"example.com/cache", "type=local,src=c"}, CacheTo: []string{"type=inline"},
			SSH:     []spec.Pair{{Name: "default"}, {Name: "git", Value: "/k"}},
			Secrets: []spec.BuildSecret{{ID: "f", Path: "/s"}, {ID: "e", From: "TOKEN", Value: "top-secret"}},
			Network: "host", ShmSize: 64, Ulimits: []spec.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}},
			ExtraHosts:   []spec.Host{{Name: "h", Addresses: []string{"10.0.0.1", "host-gateway"}}},
			Entitlements: []string{"security.insecure"}, NoCacheFilter: []string{"dev"}, Pull: true, Provenance: "mode=max", SBOM: "true",
		},
	}
	a := r.arguments("/scratch")
	got := strings.Join(a.list, " ")
	for _, want := range []string{
		"--local dockerfile=/srv/shop/docker", "--opt filename=web.Dockerfile", "--local context=/srv/shop", "--opt target=prod",
		"--opt build-arg:V=a b", "--opt label:l=1", "--opt context:base=docker-image://docker.io/library/shop-base:latest",
		"--local docs=/srv/docs", "--opt context:docs=local:docs", "--opt context:src=https://example.com/x.git",
		"--opt platform=linux/amd64,linux/386", "--import-cache type=registry,ref=example.com/cache", "--import-cache type=local,src=c",
		"--export-cache type=inline", "--ssh default", "--ssh git=/k", "--secret id=f,src=/s", "--secret id=e,env=STACKUP_BUILD_SECRET_1",
		"--opt force-network-mode=host", "--allow network.host", "--allow security.insecure", "--opt shm-size=64", "--opt ulimit=nofile=1:2",
		"--opt add-hosts=h=10.0.0.1,h=127.0.0.1", "--opt no-cache=dev", "--opt image-resolve-mode=default", "--opt attest:provenance=mode=max",
		"--opt attest:sbom=",
	} {
		if !strings.Contains(got+" ", want+" ") {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "top-secret") {
		t.Error("the value of a secret is on the command line")
	}
	if diff := cmp.Diff([]string{"STACKUP_BUILD_SECRET_1=top-secret"}, a.env); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if want := `type=image,oci-mediatypes=true,unpack=true,name=docker.io/library/shop-web:latest`; r.output("") != want {
		t.Errorf("output %s, want %s", r.output(""), want)
	}
}

func TestWhereTheDockerfileIs(t *testing.T) {
	tests := map[string]struct {
		build spec.Build
		want  string
	}{
		"in the file":  {spec.Build{Context: "/c", Inline: "FROM scratch"}, "--local dockerfile=/scratch --opt filename=Dockerfile --local context=/c"},
		"elsewhere":    {spec.Build{Context: "/c", Dockerfile: "/d/F"}, "--local dockerfile=/d --opt filename=F --local context=/c"},
		"with the git": {spec.Build{Context: "https://x/y.git", Dockerfile: "F"}, "--opt filename=F --opt context=https://x/y.git"},
	}
	for name, tt := range tests {
		if got := strings.Join(Request{Build: &tt.build}.arguments("/scratch").list, " "); !strings.Contains(got, tt.want) {
			t.Errorf("%s: no %q in\n%s", name, tt.want, got)
		}
	}
}

// TestTeller: lines as they come, and a failure with the last of its step's.
func TestTeller(t *testing.T) {
	var lines []string
	tell := newTeller(func(l string) { lines = append(lines, l) })
	_, _ = io.WriteString(tell, `{"vertexes":[{"digest":"i","name":"[internal] load","started":"2026-01-01T00:00:00Z"}]}
{"vertexes":[{"digest":"a","name":"[1/2] RUN make","started":"2026-01-01T00:00:00Z"}]}
{"vertexes":[{"digest":"a","name":"[1/2] RUN make","started":"2026-01-01T00:00:00Z","cached":true}]}
{"logs":[{"vertex":"a","data":"b25lCnR3bwo="}]}
{"vertexes":[{"digest":"b","name":"other","error":"solve: context canceled"},{"digest":"a","name":"[1/2] RUN make","error":"exit code: 2"}]}
`)
	if diff := cmp.Diff([]string{"[1/2] RUN make", "one", "two"}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if got, want := tell.failure(errors.New("exit 1")).Error(), "[1/2] RUN make: exit code: 2\none\ntwo"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRunTellsWhatTheClientSays(t *testing.T) {
	err := run(t.Context(), exec.CommandContext(t.Context(), "sh", "-c", "echo no such frontend >&2; exit 1"), func(string) {})
	if err == nil || err.Error() != "no such frontend" {
		t.Errorf("got %v", err)
	}
}
