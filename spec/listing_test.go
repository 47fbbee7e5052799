package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const listed = `services:
  web: {image: nginx, depends_on: [db], networks: [front]}
  db: {image: "example.com/db:1", volumes: ["data:/d"]}
  tool: {build: ., profiles: [dev], models: [llm]}
networks: {front: {}}
volumes: {data: {}}
models: {llm: {model: ai/small}}
`

func listedOptions(t *testing.T) Options {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	file := filepath.Join(dir, "stack.yaml")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(listed), 0o600); err != nil {
		t.Fatal(err)
	}
	return Options{Files: []string{file}, Environ: []string{"STACKUP_MODEL_RUNNER=http://192.0.2.1/v1"}}
}

func TestListing(t *testing.T) {
	o := listedOptions(t)
	for what, want := range map[string][]string{
		"services": {"db", "web"}, "networks": {"default", "front"}, "volumes": {"data"},
		"images": {"example.com/db:1", "nginx:latest"}, "profiles": {"dev"}, "environment": {"COMPOSE_PROJECT_NAME=demo", "STACKUP_MODEL_RUNNER=http://192.0.2.1/v1"}, "models": {"ai/small"},
	} {
		got, err := Listing(t.Context(), o, what)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
	}
	o.Profiles = []string{"dev"}
	if got, err := Listing(t.Context(), o, "images"); err != nil || !cmp.Equal(got[0], "demo-tool:latest") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestConfigOfSomeServices(t *testing.T) {
	o := listedOptions(t)
	text, err := Config(t.Context(), o, View{Services: []string{"db"}})
	if err != nil || strings.Contains(string(text), "web:") || !strings.Contains(string(text), "db:") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := Config(t.Context(), o, View{Services: []string{"none"}}); err == nil {
		t.Error("an unknown service is no error")
	}
}
