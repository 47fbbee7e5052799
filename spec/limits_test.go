package spec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stackup.dev/stackup/spec"
)

// refused loads and wants an error that contains text, soon.
func refused(t *testing.T, o spec.Options, text string) {
	t.Helper()
	cost := spent(t)
	_, err := spec.Load(t.Context(), o)
	if took := cost(); took > 20*time.Second { // against hangs; not a measure
		t.Errorf("took %s", took)
	}
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want an error with %q", err, text)
	}
}

func TestLimitsOfContent(t *testing.T) {
	services := func(n int, format string) string {
		var b strings.Builder
		b.WriteString("services:\n")
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	many := strings.Repeat("a", 2000)
	cases := map[string]struct{ stack, want string }{
		"services":          {services(1001, "  s%d: {image: x}\n"), "more than 1000 services"},
		"nodes":             {services(900, "  s%d: {image: x, environment: {"+strings.Repeat("A%[1]d: b, ", 1)+"}}\n") + "x-big: [" + strings.Repeat("a,", 100_000) + "]\n", "more than 100000 YAML nodes"},
		"file size":         {"# " + strings.Repeat("x", 1<<20), "larger than 1 MiB"},
		"depth":             {"x-a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "\n", "nested deeper than 128"},
		"ports":             {services(1025, "  s%d: {image: x, ports: [\"%[1]d\"]}\n"), "published ports"},
		"ports of a range":  {"services:\n  a: {image: x, ports: [\"1-1025\"]}\n", "more than 1024 published ports"},
		"ports by alias":    {"x-p: &p [\"1-500\"]\nservices:\n  a: {image: x, ports: *p}\n  b: {image: x, ports: *p}\n  c: {image: x, ports: *p}\n", "more than 1024 published ports"},
		"ports by extends":  {services(20, "  s%d: {extends: base}\n") + "  base: {image: x, ports: [\"1-100\"]}\n", "more than 1024 published ports"},
		"nodes by extends":  {services(500, "  s%d: {extends: base}\n") + "  base: {image: x, command: [" + strings.Repeat("a,", 500) + "]}\n", "counting each alias and extends"},
		"ports by variable": {"services:\n  a: {image: x, ports: [\"${P:-1-65535}:1-65535\"]}\n", "more than 1024 published ports"},
		"replicas":          {"services:\n  a: {image: x, scale: 101}\n", "101 is more than 100"},
		"negative replicas": {"services:\n  a: {image: x, scale: -1}\n", "less than none"},
		"label":             {"services:\n  a:\n    image: x\n    labels: {l: " + many + many + many + "}\n", "labels.l: name and value are longer than 4096 bytes"},
		"escape in a label": {"services:\n  a: {image: x, labels: {\"l\\e[0m\": y}}\n", "control characters"},
		"escape in env":     {"services:\n  a: {image: x, environment: {A: \"\\e[0m\"}}\n", "control characters"},
		"newline in user":   {"services:\n  a: {image: x, user: \"a\\nb\"}\n", "control characters"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { refused(t, project(t, c.stack), c.want) })
	}
}

func TestTextMaySpanLines(t *testing.T) {
	s := mustLoad(t, "services:\n  a: {image: x, environment: {A: \"b\\n\\tc\"}, command: [sh, -c, \"a\\nb\"]}\n")
	if got := s.Services[0].Environment[0].Value; got != "b\n\tc" {
		t.Errorf("got %q", got)
	}
}

func TestMaxReplicasIsRaisedByOption(t *testing.T) {
	o := project(t, "services:\n  a: {image: x, scale: 101}\n")
	o.MaxReplicas = 200
	s, err := spec.Load(t.Context(), o)
	if err != nil || s.Services[0].Replicas != 101 {
		t.Errorf("got %v, %v", s, err)
	}
}

// TestOnlyRegularFilesAreOpened: a pipe or a device must neither hang nor be read.
func TestOnlyRegularFilesAreOpened(t *testing.T) {
	o := project(t, "services:\n  a: {image: x, env_file: pipe}\n")
	if err := syscall.Mkfifo(filepath.Join(o.WorkingDir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, o, "stack.yaml:2:17: services.a.env_file[0]: pipe: is a named pipe")
	for file, want := range map[string]string{
		"pipe": "is a named pipe", "/dev/zero": "is a device", ".": "is a directory", "loop": "too many",
	} {
		_ = os.Symlink("loop", filepath.Join(o.WorkingDir, "loop"))
		refused(t, spec.Options{WorkingDir: o.WorkingDir, Files: []string{file}}, want)
	}
}

func TestAllFilesTogetherAreLimited(t *testing.T) {
	o := project(t, "services:\n  a: {image: x}\n")
	for i := range 9 {
		name := fmt.Sprintf("%d.yaml", i)
		write(t, filepath.Join(o.WorkingDir, name), "# "+strings.Repeat("x", 1<<20-3)+"\n")
		o.Files = append(o.Files, name)
	}
	refused(t, o, "larger than 8 MiB together")
}

// TestSymlinksDoNotLeaveTheProject: what counts is where a link leads.
func TestSymlinksDoNotLeaveTheProject(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "o.env"), "SECRET=1\n")
	write(t, filepath.Join(outside, "o.yaml"), "services:\n  o: {image: x}\n")
	cases := map[string]string{
		"env_file":     "services:\n  a: {image: x, env_file: link/o.env}\n",
		"include":      "include: [link/o.yaml]\nservices:\n  a: {image: x}\n",
		"extends":      "services:\n  a: {extends: {file: link/o.yaml, service: o}}\n",
		"include env":  "include: [{path: in.yaml, env_file: link/o.env}]\nservices:\n  a: {image: x}\n",
		"absent file":  "services:\n  a: {image: x, env_file: link/none.env}\n",
		"default .env": "services:\n  a: {image: x}\n",
	}
	for name, stack := range cases {
		t.Run(name, func(t *testing.T) {
			o := project(t, stack)
			write(t, filepath.Join(o.WorkingDir, "in.yaml"), "services:\n  i: {image: x}\n")
			links := map[string]string{"link": outside}
			if name == "default .env" {
				links = map[string]string{".env": filepath.Join(outside, "o.env")}
			}
			for link, to := range links {
				if err := os.Symlink(to, filepath.Join(o.WorkingDir, link)); err != nil {
					t.Fatal(err)
				}
			}
			refused(t, o, "outside the project directory; pass --trust")
			o.Trust = true
			if _, err := spec.Load(t.Context(), o); err != nil && name != "absent file" {
				t.Errorf("with trust: %v", err)
			}
		})
	}
}

// TestAThousandServicesLoadFast guards the limits' reason: cost stays small.
func TestAThousandServicesLoadFast(t *testing.T) {
	var b strings.Builder
	b.WriteString("services:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  s%d: {image: x, environment: {A: b, C: d}, ports: [\"%d:80\"]}\n", i, 10000+i)
	}
	cost := spent(t)
	s := mustLoad(t, b.String())
	if took := cost(); took > 30*time.Second || len(s.Services) != 1000 {
		t.Errorf("%d services in %s", len(s.Services), took)
	}
}
