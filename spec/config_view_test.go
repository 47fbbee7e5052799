package spec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

const viewedStack = `name: demo
services:
  web:
    image: nginx:${TAG:-1.27}
    environment: {A$B: "x$$y", C: "${C:-d}", D: }
    env_file: e.env
    volumes: ["./site:/site"]
    depends_on: {db: {condition: service_started}}
  db: {image: "redis@sha256:0000000000000000000000000000000000000000000000000000000000000000"}
`

func viewed(t *testing.T, stack string, v spec.View) (string, error) {
	t.Helper()
	o := project(t, "")
	o.Files, o.Stdin = []string{"-"}, strings.NewReader(stack)
	write(t, filepath.Join(o.WorkingDir, "e.env"), "E=1\n")
	out, err := spec.Config(t.Context(), o, v)
	return strings.ReplaceAll(string(out), o.WorkingDir, "$DIR"), err
}

// TestViews: what each view shows that the others do not.
func TestViews(t *testing.T) {
	for name, c := range map[string]struct {
		view          spec.View
		with, without []string
	}{
		"all":         {spec.View{}, []string{"image: nginx:1.27\n", "A$B: x$$y\n", "C: d\n", "D: null\n", "E: \"1\"", "source: $DIR/site\n", "default: null", "demo_default"}, []string{"env_file"}},
		"variables":   {spec.View{NoInterpolate: true}, []string{"image: nginx:${TAG:-1.27}\n", "A$B: x$$y\n", "${C:-d}", "source: $DIR/site\n", "env_file", "demo_default"}, []string{"E:"}},
		"names":       {spec.View{NoNormalize: true}, []string{"image: nginx:1.27\n"}, []string{"networks"}},
		"paths":       {spec.View{NoPathResolution: true}, []string{"source: ./site\n", "E: \"1\"", "demo_default"}, []string{"$DIR"}},
		"environment": {spec.View{NoEnvResolution: true}, []string{"path: $DIR/e.env\n", "C: d\n"}, []string{"E:"}},
		"json":        {spec.View{Format: "json"}, []string{`"A$B": "x$$y"`, `"image": "nginx:1.27"`}, []string{"env_file"}},
		"one service": {spec.View{Services: []string{"db"}, NoPathResolution: true}, []string{"redis"}, []string{"nginx"}},
	} {
		got, err := viewed(t, viewedStack, c.view)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, w := range c.with {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in\n%s", name, w, got)
			}
		}
		for _, w := range c.without {
			if strings.Contains(got, w) {
				t.Errorf("%s: %q in\n%s", name, w, got)
			}
		}
	}
}

// TestViewsTellNoValues: what stands in the environment alone is not shown beside
// variables as they are written.
func TestViewsTellNoValues(t *testing.T) {
	t.Setenv("WORD", "told")
	const stack = "services:\n  a: {image: x, secrets: [s], configs: [c]}\nsecrets:\n  s: {environment: WORD}\nconfigs:\n  c: {environment: WORD}\n"
	o := spec.Options{WorkingDir: t.TempDir(), Environ: os.Environ()}
	write(t, filepath.Join(o.WorkingDir, "compose.yaml"), stack)
	out, err := spec.Config(t.Context(), o, spec.View{NoInterpolate: true})
	if err != nil || strings.Contains(string(out), "told") || !strings.Contains(string(out), "environment: WORD") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestViewsCheck(t *testing.T) {
	const bad = "services:\n  a: {image: x, depends_on: [none], volumes: [\"none:/a\"]}\n"
	for _, v := range []spec.View{{}, {NoNormalize: true}, {NoPathResolution: true}} {
		if _, err := viewed(t, bad, v); err == nil {
			t.Errorf("%+v: not checked", v)
		}
	}
	if got, err := viewed(t, bad, spec.View{NoConsistency: true}); err != nil || !strings.Contains(got, "none") {
		t.Errorf("without checks: %v\n%s", err, got)
	}
	if _, err := viewed(t, "services:\n  a: {image: x, no_such: 1}\n", spec.View{NoInterpolate: true}); err == nil {
		t.Error("an unknown attribute is shown")
	}
	if _, err := viewed(t, "services:\n  a: {image: \"${X:?}\"}\n", spec.View{NoInterpolate: true}); err != nil {
		t.Errorf("a variable that is not set: %v", err)
	}
}

func TestPinnedImages(t *testing.T) {
	digest := "sha256:" + strings.Repeat("1", 64)
	pin := func(image string) (string, error) {
		if image != "docker.io/library/nginx:1.27" {
			return "", fmt.Errorf("no such image")
		}
		return digest, nil
	}
	got, err := viewed(t, viewedStack, spec.View{Digest: pin})
	if want := "image: docker.io/library/nginx:1.27@" + digest + "\n"; err != nil || !strings.Contains(got, want) {
		t.Errorf("%v: no %q in\n%s", err, want, got)
	}
	got, err = viewed(t, viewedStack, spec.View{Digest: pin, Locked: true})
	want := "services:\n  db:\n    image: redis@sha256:" + strings.Repeat("0", 64) + "\n  web:\n    image: docker.io/library/nginx:1.27@" + digest + "\n"
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := viewed(t, "services:\n  a: {image: none}\n", spec.View{Digest: pin}); err == nil || !strings.Contains(err.Error(), "service a: image none: no such image") {
		t.Errorf("an image that is not there: %v", err)
	}
}

func TestVariables(t *testing.T) {
	o := project(t, "services:\n  a: {image: \"${A:-b}\", command: \"$C ${D:?no} ${E+f} $$G\"}\n")
	got, err := spec.Variables(t.Context(), o)
	want := []spec.Variable{{Name: "A", DefaultValue: "b"}, {Name: "C"}, {Name: "D", Required: true}, {Name: "E", PresenceValue: "f"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestNothingToWaitFor: what is not required need not be there.
func TestNothingToWaitFor(t *testing.T) {
	s := mustLoad(t, "services:\n  a: {image: x, depends_on: {gone: {condition: service_started, required: false}}}\n")
	if len(s.Services[0].DependsOn) > 0 || len(s.Notices) != 1 || !strings.Contains(s.Notices[0], "service a does without gone") {
		t.Errorf("%+v, notices %q", s.Services[0].DependsOn, s.Notices)
	}
}

// TestConfigKeepsZero: a swappiness of nothing is another thing than none.
func TestConfigKeepsZero(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "compose.yaml")
	if err := os.WriteFile(file, []byte("services:\n  a: {image: x, mem_swappiness: 0, environment: {N: \"888888888888\"}}\n  b: {image: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"yaml", "json"} {
		o := spec.Options{Files: []string{file}, WorkingDir: dir}
		text, err := spec.Config(t.Context(), o, spec.View{Format: format})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := spec.Load(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v\n%s", format, err, text)
		}
		if n := s.Service("a").Environment[0].Value; n != "888888888888" {
			t.Errorf("%s: a variable has become %q", format, n)
		}
		if n := s.Service("a").Fixed.MemorySwappiness; n == nil || *n != 0 || s.Service("b").Fixed.MemorySwappiness != nil {
			t.Errorf("%s: a has %v, b has %v\n%s", format, n, s.Service("b").Fixed.MemorySwappiness, text)
		}
	}
}
