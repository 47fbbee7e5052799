package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// everyCommand calls check for each command, the root included.
func everyCommand(t *testing.T, check func(t *testing.T, c *cobra.Command)) {
	t.Helper()
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		t.Run(c.CommandPath(), func(t *testing.T) { check(t, c) })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&globals{}))
}

func TestEveryCommandExplainsItself(t *testing.T) {
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		if c.Hidden {
			return
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("short: %q", c.Short)
		}
		if !strings.Contains(c.Example, "stackup ") {
			t.Errorf("example: %q", c.Example)
		}
		var help bytes.Buffer
		c.SetOut(&help)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{c.Short, c.Example, "Usage:", "Examples:"} {
			if c.Long != "" && want == c.Short {
				want = c.Long
			}
			if !strings.Contains(help.String(), want) {
				t.Errorf("the help does not say %q:\n%s", want, help.String())
			}
		}
	})
}

func TestOnlyTheSupervisorIsHidden(t *testing.T) {
	everyCommand(t, func(t *testing.T, c *cobra.Command) {
		if hidden := c.Name() == superviseName; c.Hidden != hidden {
			t.Errorf("hidden: %t", c.Hidden)
		}
	})
}

// execute runs a command line that needs no engine.
func execute(t *testing.T, args ...string) (*globals, error) {
	t.Helper()
	g := &globals{}
	root := newRoot(g)
	root.SetArgs(args)
	return g, root.ExecuteContext(t.Context())
}

// stackFile writes a stack file and gives its path.
func stackFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFileFlagOnBothSides: before and behind the command, and both add up in
// the order of the command line.
func TestFileFlagOnBothSides(t *testing.T) {
	a := stackFile(t, "a.yaml", "name: shop\nservices: {web: {image: img}}\n")
	b := stackFile(t, "b.yaml", "services: {web: {image: img2}}\n")
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"before", []string{"-f", a, "config", "-q"}, []string{a}},
		{"behind", []string{"config", "-q", "-f", a}, []string{a}},
		{"long", []string{"config", "-q", "--file=" + a}, []string{a}},
		{"twice before", []string{"-f", a, "-f", b, "config", "-q"}, []string{a, b}},
		{"twice behind", []string{"config", "-q", "-f", a, "-f", b}, []string{a, b}},
		{"on both sides", []string{"-f", a, "config", "-q", "-f", b}, []string{a, b}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := execute(t, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, g.files); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestFollowIsNotFile: logs has an -f of its own.
func TestFollowIsNotFile(t *testing.T) {
	for _, path := range [][]string{{"logs"}, {"engine", "logs"}} {
		g := &globals{}
		c, args, err := newRoot(g).Traverse(append([]string{"-f", "a.yaml"}, append(path, "-f")...))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.ParseFlags(args); err != nil {
			t.Fatal(err)
		}
		if follow := c.Flags().Lookup("follow"); follow == nil || follow.Value.String() != "true" {
			t.Errorf("%v -f does not follow", path)
		}
		if diff := cmp.Diff([]string{"a.yaml"}, g.files); diff != "" {
			t.Errorf("%v: files (-want +got):\n%s", path, diff)
		}
	}
}

// TestExecLeavesTheCommandsFlagsAlone: what stands behind the service is not ours.
func TestExecLeavesTheCommandsFlagsAlone(t *testing.T) {
	g := &globals{}
	c, args, err := newRoot(g).Traverse([]string{"exec", "-T", "web", "tail", "-f", "-T", "log"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"web", "tail", "-f", "-T", "log"}, c.Flags().Args()); diff != "" || len(g.files) > 0 {
		t.Errorf("files %v, arguments (-want +got):\n%s", g.files, diff)
	}
}

func TestWrongUseIsRefused(t *testing.T) {
	for _, args := range [][]string{{"config", "extra"}, {"down", "web"}, {"exec", "web"}, {"images", "load"}, {"no-such"}, {"config", "--no-such"}} {
		if _, err := execute(t, args...); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

func TestLoadOrName(t *testing.T) {
	t.Chdir(t.TempDir()) // no folder above it has a stack file
	s, err := (&globals{project: "shop", root: "r", state: "s"}).loadOrName(t.Context())
	if err != nil || s.Name != "shop" || len(s.Services) > 0 {
		t.Errorf("-p without a file: %+v, %v", s, err)
	}
	if _, err := (&globals{root: "r", state: "s"}).loadOrName(t.Context()); err == nil {
		t.Error("neither a name nor a file was taken")
	}
	if _, err := (&globals{project: "shop", files: []string{"no-such.yaml"}}).loadOrName(t.Context()); err == nil {
		t.Error("a named file that is missing was taken")
	}
	for text, taken := range map[string]bool{
		"{image: \"x:${TAG:?}\"}": true, "{image: x, env_file: gone.env}": true, "{image: x, label_file: gone}": true,
		"{image: x, secrets: [s]}": true, "{image: x, no_such: 1}": false,
	} {
		text = "name: shop\nservices:\n  web: " + text + "\nsecrets:\n  s: {environment: NO_SUCH_VARIABLE}\n"
		if err := os.WriteFile("compose.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (&globals{root: "r", state: "s"}).load(t.Context()); err == nil {
			t.Errorf("loaded:\n%s", text)
		}
		if s, err := (&globals{root: "r", state: "s"}).loadOrName(t.Context()); (err == nil) != taken || taken && (s.Name != "shop" || len(s.Services) != 1) {
			t.Errorf("%+v, %v from\n%s", s, err, text)
		}
	}
	if err := os.WriteFile("compose.yaml", []byte("name: \"${NAME:?}\"\nservices: {web: {image: x}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := (&globals{root: "r", state: "s"}).loadOrName(t.Context()); err == nil {
		t.Errorf("a stack whose name is not known is taken for %s", s.Name)
	}
}
