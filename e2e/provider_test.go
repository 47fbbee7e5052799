//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Intent: a service with a provider is stood up by that program, gives its
// dependents their environment, and is taken down with the stack.
func TestProvider(t *testing.T) {
	w := newWorld(t, only(embedded))
	bin := filepath.Join(w.dir, "bin")
	check(t, os.MkdirAll(bin, 0o755))
	check(t, os.WriteFile(filepath.Join(bin, "docker-cloud"), []byte(`#!/bin/sh
echo "$@" >>`+bin+`/calls
[ -e `+bin+`/broken ] && echo '{"type":"error","message":"no money left"}' && exit 0
echo '{"type":"info","message":"making a database"}'
echo '{"type":"setenv","message":"URL=db://there"}'
`), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	w.file("stack.yaml", `
services:
  db: {provider: {type: cloud, options: {size: 3}}}
  web: {image: stackup.test/busybox:1, depends_on: [db], stop_grace_period: 0s}
`)
	if r := w.must("up", "-d"); !strings.Contains(r.err, "making a database") {
		t.Errorf("what the provider says is not shown:\n%s", r.err)
	}
	w.inside("web", map[string]string{"echo $DB_URL": "db://there"})
	if r := w.must("up", "-d"); !strings.Contains(r.err, "nothing to do") {
		t.Errorf("a second up does something:\n%s", r.err)
	}
	if r := w.must("run", "--rm", "-T", "web", "sh", "-c", "echo $DB_URL"); strings.TrimSpace(r.out) != "db://there" {
		t.Errorf("run knows %q", r.out)
	}
	if r := w.must("plan"); !strings.Contains(r.out+r.err, "nothing to do") {
		t.Errorf("plan does not know the environment:\n%s%s", r.out, r.err)
	}
	check(t, os.WriteFile(filepath.Join(bin, "broken"), nil, 0o644))
	if r := w.run("up", "-d"); r.code == 0 || !strings.Contains(r.err, "no money left") {
		t.Errorf("exit %d:\n%s", r.code, r.err)
	}
	check(t, os.Remove(filepath.Join(bin, "broken")))
	w.must("down")
	calls, err := os.ReadFile(filepath.Join(bin, "calls"))
	check(t, err)
	want := "compose --project-name shop up --size=3 db\n"
	if got := string(calls); got != strings.Repeat(want, 4)+strings.Replace(want, " up ", " down ", 1) {
		t.Errorf("the provider was called so:\n%s", got)
	}
}
