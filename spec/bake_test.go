package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBake(t *testing.T) {
	s := &Stack{Services: []Service{
		{Name: "base", Image: "example.test/base:1", Build: &Build{Context: "/p", Dockerfile: "Dockerfile.base"}},
		{Name: "db", Image: "postgres"},
		{Name: "web", Image: "example.test/web:1", Build: &Build{
			Context: "/p/web", Inline: "FROM base", Args: []Pair{{"A", "b"}}, Contexts: []Pair{{"base", "service:base"}}, Tags: []string{"example.test/web:2"},
			Secrets: []BuildSecret{{ID: "key", From: "KEY", Value: "hidden"}, {ID: "file", Path: "/f"}}, SSH: []Pair{{"default", ""}, {"git", "/k"}},
			ShmSize: 64, Ulimits: []Ulimit{{"nofile", 1, 2}}, ExtraHosts: []Host{{Name: "h", Addresses: []string{"192.0.2.1"}}}, Provenance: "mode=max", SBOM: "true",
		}},
	}}
	got, err := Bake(s, []string{"web", "db"})
	want := `{
  "group": {
    "default": {
      "targets": [
        "web"
      ]
    }
  },
  "target": {
    "web": {
      "context": "/p/web",
      "contexts": {
        "base": "target:base"
      },
      "dockerfile-inline": "FROM base",
      "args": {
        "A": "b"
      },
      "tags": [
        "example.test/web:1",
        "example.test/web:2"
      ],
      "secret": [
        "id=key,env=KEY",
        "id=file,src=/f"
      ],
      "ssh": [
        "default",
        "git=/k"
      ],
      "shm-size": "64",
      "ulimits": [
        "nofile=1:2"
      ],
      "extra-hosts": {
        "h": "192.0.2.1"
      },
      "attest": [
        "type=provenance,mode=max",
        "type=sbom,disabled=false"
      ],
      "output": [
        "type=docker"
      ]
    }
  }
}
`
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
