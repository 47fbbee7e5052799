package spec_test

import (
	"path/filepath"
	"strings"
	"testing"

	"stackup.dev/stackup/spec"
)

func TestArchive(t *testing.T) {
	o := project(t, "services:\n  a: {image: x, x-stackup: {archive: images/a.tar}}\n  b: {image: x}\n")
	s, err := spec.Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(o.WorkingDir, "images/a.tar")
	if got := s.Archive("docker.io/library/x:latest"); got != want {
		t.Errorf("archive %q, want %q", got, want)
	}
	if got := s.Archive("docker.io/library/y:latest"); got != "" {
		t.Errorf("archive of another image: %q", got)
	}
}

func TestArchiveRefusals(t *testing.T) {
	for use, want := range map[string]string{
		"x-stackup: {archive: a.tar, other: x}":                                     "2:45: services.a.x-stackup.other: unknown attribute; there are archive, probe and restart_unhealthy",
		"x-stackup: a.tar":                                                          "2:17: services.a.x-stackup: must be a mapping",
		"x-stackup: {archive: [a.tar]}":                                             "services.a.x-stackup.archive: must be the name of a file",
		"x-stackup: {archive: \"\"}":                                                "services.a.x-stackup.archive: must be the name of a file",
		"x-stackup: {archive: ../a.tar}":                                            "a.tar: outside the project directory",
		"x-stackup: {archive: a.tar}, build: .":                                     "the image is built",
		"x-stackup: {archive: a.tar}, pull_policy: daily":                           "with pull_policy: daily the image comes from its registry",
		"deploy: {x-stackup: {archive: a.tar}}":                                     "services.a.deploy.x-stackup: it belongs to a service",
		"x-stackup: {archive: a.tar}}\n  b: {image: x, x-stackup: {archive: b.tar}": "services.b.x-stackup.archive: service a takes the same image from another archive",
		"scale: 1}\nx-stackup: {archive: a.tar":                                     "x-stackup: it belongs to a service",
	} {
		_, err := load(t, "services:\n  a: {image: x, "+use+"}\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", use, err, want)
		}
	}
}
