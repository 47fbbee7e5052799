package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func modelled(t *testing.T, text, runner string) (*Stack, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "stack.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(t.Context(), Options{Files: []string{file}, ProjectName: "demo", Environ: []string{"STACKUP_MODEL_RUNNER=" + runner}})
}

// TestModelsAreVariables: a service is told where its models are, by names
// that the Compose Specification gives or that are its own.
func TestModelsAreVariables(t *testing.T) {
	s, err := modelled(t, `
services:
  web:
    image: x
    environment: {A: b, LLM_MODEL: mine}
    models: {llm: , e-m: {endpoint_var: U, model_var: M}}
models:
  llm: {model: ai/small}
  e-m: {model: ai/embed}
  unused: {model: ai/large}
`, "http://192.0.2.1:12434/v1")
	if err != nil {
		t.Fatal(err)
	}
	want := []Pair{
		{"A", "b"},
		{"LLM_MODEL", "ai/small"},
		{"LLM_URL", "http://192.0.2.1:12434/v1"},
		{"M", "ai/embed"},
		{"U", "http://192.0.2.1:12434/v1"},
	}
	if diff := cmp.Diff(want, s.Services[0].Environment); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestModelsAreRefused(t *testing.T) {
	const used = "services:\n  web: {image: x, models: [llm]}\n"
	for name, c := range map[string]struct{ text, runner, want string }{
		"without a runner":             {used + "models:\n  llm: {model: a}\n", "", "stack.yaml:2:19: services.web.models: not possible here (no model runner is configured: set STACKUP_MODEL_RUNNER"},
		"no address":                   {used + "models:\n  llm: {model: a}\n", "docker", `"docker", is not the address of one`},
		"undefined":                    {used, "http://192.0.2.1/v1", "services.web.models: llm is not among the models at the top level"},
		"what a runner has to be told": {used + "models:\n  llm: {model: a, context_size: 9}\n", "http://192.0.2.1/v1", "models.llm.context_size: not possible here (the runner loads the model"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := modelled(t, c.text, c.runner)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q, got %v", c.want, err)
			}
		})
	}
}
