package spec

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// buildSamples show that each attribute of build reaches the Stack.
func buildSamples() map[string]sample {
	out := map[string]sample{"services.*.build": svc("build: .")}
	for attr, value := range map[string]string{
		"context": "..", "dockerfile": "other", "target": "t", "args": "{A: b}", "labels": "{A: b}", "additional_contexts": "{c: .}",
		"tags": "[y]", "platforms": "[linux/arm64]", "cache_from": "[x]", "cache_to": "[x]", "ssh": "[default]", "network": "none",
		"shm_size": "1m", "ulimits": "{nofile: 5}", "extra_hosts": "{a: 10.0.0.1}", "entitlements": "[network.host]", "privileged": "true",
		"no_cache": "true", "no_cache_filter": "[t]", "pull": "true", "provenance": "true", "sbom": "true",
	} {
		out["services.*.build."+attr] = sample{"build: {dockerfile: Dockerfile}", "build: {dockerfile: Dockerfile, " + attr + ": " + value + "}"}
	}
	out["services.*.build.dockerfile"] = sample{"build: {context: .}", "build: {dockerfile: other}"}
	out["services.*.build.context"] = sample{"build: {context: .}", "build: {context: ..}"}
	out["services.*.build.dockerfile_inline"] = sample{"build: {context: .}", "build: {dockerfile_inline: FROM scratch}"}
	secret := func(use string) string {
		return "services:\n  web: {image: x, build: {context: .\n" + use + "}}\nsecrets:\n  c: {file: a.env}\n"
	}
	out["services.*.build.secrets"] = sample{secret(""), secret(", secrets: [c]")}
	return out
}

func loadBuild(t *testing.T, web, more string) (*Stack, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "stack.yaml")
	if err := os.WriteFile(file, []byte("services:\n  web:\n"+web+more), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(t.Context(), Options{Files: []string{file}, Environ: []string{"TOKEN=top-secret", "A=from-outside"}})
}

func TestBuild(t *testing.T) {
	s, err := loadBuild(t, `    build:
      dockerfile_inline: |
        FROM scratch
        COPY . /
      args: [A, NOBODY, B=2]
      privileged: true
      additional_contexts: {base: "service:db", docs: ./}
      secrets: [{source: token, target: npm}]
`, "  db: {build: {dockerfile_inline: FROM scratch}, image: my/db}\nsecrets: {token: {environment: TOKEN}}\n")
	if err != nil {
		t.Fatal(err)
	}
	b := s.Service("web").Build
	if got, want := s.Service("web").Image, "docker.io/library/demo-web:latest"; got != want {
		t.Errorf("image %s, want %s", got, want)
	}
	if got, want := s.Service("db").Image, "docker.io/my/db:latest"; got != want {
		t.Errorf("image %s, want %s", got, want)
	}
	if diff := cmp.Diff([]Pair{{"A", "from-outside"}, {"B", "2"}}, b.Args); diff != "" {
		t.Errorf("args (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"db"}, b.Uses()); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
	if b.Dockerfile != "" || b.Inline != "FROM scratch\nCOPY . /\n" || b.Context != s.Dir || b.Entitlements[0] != "security.insecure" {
		t.Errorf("got %+v", b)
	}
	if len(b.Secrets) != 1 || b.Secrets[0].ID != "npm" || b.Secrets[0].Value != "top-secret" {
		t.Errorf("secrets %+v", b.Secrets)
	}
	if text, err := json.Marshal(s); err != nil || strings.Contains(string(text), "top-secret") {
		t.Errorf("the value of a secret is written down: %v", err)
	}
}

func TestBuildOnlyWhenAsked(t *testing.T) {
	for policy, asked := range map[string]bool{"always": true, "missing": true, "build": false, "never": false} {
		s, err := loadBuild(t, "    {image: x, build: ., pull_policy: "+policy+"}\n", "")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Services[0].Build.Asked; got != asked {
			t.Errorf("%s: only when asked %t, want %t", policy, got, asked)
		}
	}
}

func TestBuildRefusals(t *testing.T) {
	for web, want := range map[string]string{
		"{build: {additional_contexts: {a: \"service:x\"}}}":              "services.web.build.additional_contexts.a: there is no other service x that is built",
		"{build: {network: bridge}}":                                      "services.web.build.network: \"bridge\" is not default, host or none",
		"{build: {secrets: [none]}}":                                      "services.web.build.secrets[0]: no secret none is defined at the top level",
		"{build: {tags: [\"X:\"]}}":                                       "services.web.build.tags[0]: \"X:\" is not an image reference",
		"{build: {dockerfile_inline: FROM scratch, dockerfile: my.file}}": "services.web.build.dockerfile_inline: dockerfile is given too; remove one",
	} {
		if _, err := loadBuild(t, "    "+web+"\n", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", web, err, want)
		}
	}
}
