package spec_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"stackup.dev/stackup/spec"
)

// TestConfigLoadsAgain: the resolved file asks for the same services.
func TestConfigLoadsAgain(t *testing.T) {
	o := project(t, "services:\n  a: {image: \"x:${T:-1}\", env_file: e.env, ports: [\"80\"], command: echo $$HOME}\n")
	write(t, filepath.Join(o.WorkingDir, "e.env"), "A=1\n")
	before, err := spec.Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	out, err := spec.Config(t.Context(), o, spec.View{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(o.WorkingDir, "stack.yaml"), string(out))
	after, err := spec.Load(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if before.Services[0].Hash() != after.Services[0].Hash() {
		t.Errorf("another service:\n%s", out)
	}
}

func TestConfigFormats(t *testing.T) {
	o := project(t, "services:\n  a: {image: x}\n")
	out, err := spec.Config(t.Context(), o, spec.View{Format: "json"})
	if err != nil || !json.Valid(out) {
		t.Errorf("json: %v\n%s", err, out)
	}
	if _, err := spec.Config(t.Context(), o, spec.View{Format: "xml"}); err == nil {
		t.Error("xml accepted")
	}
	write(t, filepath.Join(o.WorkingDir, "stack.yaml"), "services:\n  a: {image: x, cap_add: [A]}\n")
	if _, err := spec.Config(t.Context(), o, spec.View{}); err == nil {
		t.Error("config shows what Load refuses")
	}
}
