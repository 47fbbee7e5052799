package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOCIRuntime(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "crun")
	if err := os.WriteFile(other, []byte("#!/bin/sh\n"), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	tests := []struct{ name, kind, want string }{
		{"", Embedded, "/libexec/runc"},
		{"runc", Embedded, "/libexec/runc"},
		{"", System, ""},
		{"crun", System, other},
		{"crun", Embedded, other},
		{other, Embedded, other},
	}
	for _, tt := range tests {
		got, err := OCIRuntime(tt.name, Choice{Kind: tt.kind}, "/libexec")
		if err != nil || got != tt.want {
			t.Errorf("%q on %s: %q, %v, want %q", tt.name, tt.kind, got, err, tt.want)
		}
	}
	if _, err := OCIRuntime("youki", Choice{Kind: Embedded}, "/libexec"); err == nil || !strings.Contains(err.Error(), "the OCI runtime youki is not installed") {
		t.Errorf("a runtime that is not there: %v", err)
	}
}
