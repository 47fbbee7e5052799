//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// Intent: anonymous volumes outlive a replacement, until somebody asks for new ones;
// those are kept from then on, and the old ones are gone.
func TestRenewAnonymousVolumes(t *testing.T) {
	w := newWorld(t)
	round := func(n string) {
		w.file("stack.yaml", `
services:
  a:
    image: stackup.test/busybox:1
    environment: {ROUND: "`+n+`"}
    volumes: ["/etc", "named:/named"]
    pre_start: [{command: ["sh", "-c", "echo `+n+` > /etc/prepared"]}]
    stop_grace_period: 0s
  b: {image: "stackup.test/busybox:1", volumes: ["/etc"], stop_grace_period: 0s}
  c: {image: "stackup.test/busybox:1", volumes_from: [a], stop_grace_period: 0s}
volumes: {named: {}}
`)
	}
	has := func(when, want string) {
		t.Helper()
		w.inside("a", map[string]string{"cat /etc/own /named/own /etc/prepared 2>/dev/null; grep -c extra /etc/group": want})
	}
	volumes := func() string { return w.must("volumes", "ls", "-q").out }
	round("1")
	w.must("up", "-d")
	w.must("exec", "-T", "a", "sh", "-c", "echo mine | tee /etc/own /named/own")
	before, b := volumes(), w.ps()["b.1"].ID
	if r := w.must("up", "-d", "-V"); !strings.Contains(r.err, "nothing to do") {
		t.Errorf("nothing has changed:\n%s", r.err)
	}
	round("2")
	w.must("up", "-d")
	has("replaced", "mine\nmine\n2\n1")
	round("3")
	w.must("up", "-d", "--renew-anon-volumes")
	has("with new volumes", "mine\n3\n1")
	after := volumes()
	if before == after || strings.Count(before, "\n") != strings.Count(after, "\n") {
		t.Errorf("volumes\n%sthen\n%s", before, after)
	}
	w.must("exec", "-T", "a", "sh", "-c", "echo anew > /etc/own")
	w.inside("c", map[string]string{"cat /etc/own": "anew"})
	round("4")
	w.must("up", "-d")
	has("replaced again", "anew\nmine\n4\n1")
	if now := volumes(); now != after || w.ps()["b.1"].ID != b {
		t.Errorf("volumes\n%sthen\n%s", after, now)
	}
	w.must("down", "-v")
}

// Intent: which containers are replaced can be said on the command line.
func TestRecreateFlags(t *testing.T) {
	w := newWorld(t, only(embedded))
	stack := func(v string) {
		w.file("stack.yaml", `
services:
  web: {image: "stackup.test/busybox:1", environment: {V: "`+v+`"}, depends_on: [db], stop_grace_period: 0s}
  db: {image: "stackup.test/busybox:1", stop_grace_period: 0s}
`)
	}
	stack("1")
	w.must("up", "-d")
	ids := func() (web, db string) {
		ps := w.ps()
		return ps["web.1"].ID, ps["db.1"].ID
	}
	web, db := ids()
	step := func(newWeb, newDB bool, flags ...string) {
		t.Helper()
		w.must(append([]string{"up", "-d"}, flags...)...)
		nowWeb, nowDB := ids()
		if (nowWeb != web) != newWeb || (nowDB != db) != newDB {
			t.Errorf("%q: web %s, then %s; db %s, then %s", flags, web, nowWeb, db, nowDB)
		}
		web, db = nowWeb, nowDB
	}
	stack("2")
	for _, args := range [][]string{{"up"}, {"create"}, {"scale", "web=3"}, {"down"}} {
		if r := w.must(append(args, "--dry-run")...); !strings.Contains(r.out, "web") {
			t.Errorf("%q --dry-run:\n%s%s", args, r.out, r.err)
		}
	}
	step(false, false, "--no-recreate")
	if r := w.run("plan", "--exit-code"); r.code != 2 || !strings.Contains(r.out, "environment.V") {
		t.Errorf("what was left as it was: exit %d\n%s", r.code, r.out)
	}
	step(true, false)
	step(true, false, "--force-recreate", "web")
	step(false, true, "--always-recreate-deps", "web")
	step(true, true, "--force-recreate")
	if r := w.run("up", "-d", "--no-recreate", "--force-recreate"); r.code != 1 || !strings.Contains(r.err, "excludes") {
		t.Errorf("a contradiction: exit %d\n%s", r.code, r.err)
	}
	w.must("down")
}

// Intent: in CI, up ends when the tests have, with their exit code.
func TestUpEndsWithAContainer(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("stack.yaml", `
services:
  db: {image: "stackup.test/busybox:1", command: ["sh", "-c", "echo db speaks; exec sleep 100000"], stop_grace_period: 0s}
  migrate: {image: "stackup.test/busybox:1", command: ["echo", "migrated"], depends_on: [db], stop_grace_period: 0s}
  tests:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "echo testing; sleep $${NAP:-0.5}; exit $${CODE:-3}"]
    environment: [CODE, NAP]
    depends_on: {migrate: {condition: service_completed_successfully}}
    stop_grace_period: 0s
`)
	ends := func(code int, args ...string) result {
		t.Helper()
		r := w.run(append([]string{"up", "--no-color"}, args...)...)
		if r.code != code || !strings.Contains(r.err, "stopping everything") {
			t.Errorf("%q: exit %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
		}
		if ps := w.ps(); len(ps) > 0 {
			t.Errorf("%q: still running: %v", args, ps)
		}
		return r
	}
	if r := ends(3, "--abort-on-container-exit"); !strings.Contains(r.out, "testing") || !strings.Contains(r.out, "db speaks") {
		t.Errorf("output:\n%s", r.out)
	}
	if r := ends(137, "--exit-code-from", "db", "--no-attach", "db"); !strings.Contains(r.out, "testing") || strings.Contains(r.out, "db speaks") {
		t.Errorf("without the output of db:\n%s", r.out)
	}
	w.env = append(w.env, "CODE=0")
	if r := ends(0, "--exit-code-from", "tests", "--attach", "tests"); !strings.Contains(r.out, "testing") || strings.Contains(r.out, "db speaks") {
		t.Errorf("only the output of tests:\n%s", r.out)
	}
	if r := ends(0, "--abort-on-container-exit", "--attach-dependencies", "tests"); !strings.Contains(r.out, "db speaks") {
		t.Errorf("with the output of dependencies:\n%s", r.out)
	}
	w.env = append(w.env, "CODE=4")
	ends(4, "--abort-on-container-failure")
	if r := w.run("up", "-d", "--abort-on-container-exit"); r.code != 1 || !strings.Contains(r.err, "foreground") {
		t.Errorf("in the background: exit %d\n%s", r.code, r.err)
	}
	w.must("down")
}

// Intent: run takes variables of files, and those of flags over them.
func TestRunEnvFromFile(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("vars", "A=vars\nB=\"of ${HERE}\"\nC=vars\n")
	w.env = append(w.env, "HERE=this shell")
	w.file("stack.yaml", oneService)
	r := w.must("run", "--rm", "-T", "--pull", "never", "--env-from-file", "vars", "-e", "C=flag", "web", "sh", "-c", "echo $A, $B, $C, $D")
	if r.out != "vars, of this shell, flag, file\n" {
		t.Errorf("variables: %q", r.out)
	}
	w.must("down")
}

const oneService = "services:\n  web: {image: \"stackup.test/busybox:1\", environment: {A: file, D: file}, stop_grace_period: 0s}\n"

// Intent: run, create and an up of some services take away what has left the file when
// they are asked to, and only then.
func TestRemoveOrphans(t *testing.T) {
	w := newWorld(t, only(embedded))
	const more = oneService + "  gone: {image: \"stackup.test/busybox:1\", stop_grace_period: 0s}\n"
	w.file("stack.yaml", more)
	w.must("up", "-d")
	w.file("stack.yaml", oneService)
	w.must("run", "--rm", "-T", "--remove-orphans", "web", "true")
	if ps := w.ps("-a"); len(ps) != 1 {
		t.Errorf("after run --remove-orphans: %v", ps)
	}
	w.file("stack.yaml", more)
	w.must("up", "-d")
	w.file("stack.yaml", oneService)
	w.must("up", "-d", "web")
	if ps := w.ps("-a"); len(ps) != 2 {
		t.Errorf("nobody asked: %v", ps)
	}
	w.must("create", "--remove-orphans", "-y", "web")
	if ps := w.ps("-a"); len(ps) != 2 {
		t.Errorf("create removes nothing that runs: %v", ps)
	}
	w.must("up", "-d", "--remove-orphans", "-y", "web")
	w.converged(1)
	w.must("down")
}

const someServices = `
services:
  web: {image: "stackup.test/busybox:1", networks: [front, back], stop_grace_period: 0s, depends_on: [db]}
  db: {image: "stackup.test/busybox:1", networks: [back], stop_grace_period: 0s}
  once: {image: "stackup.test/busybox:1", networks: [back], command: ["sh", "-c", "exit 3"]}
  made: {build: {context: ., dockerfile_inline: "FROM stackup.test/busybox:1"}, networks: [back], stop_grace_period: 0s}
networks: {front: {}, back: {}}
`

// Intent: ps answers what scripts ask.
func TestPsFlags(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.mayKeepBuildCache()
	w.file("stack.yaml", someServices)
	w.must("up", "-d")
	w.eventually("once has ended", func() bool { return w.ps("-a")["once.1"].State == "exited" })
	w.file("stack.yaml", strings.NewReplacer("  db:", "  base:", "[db]", "[base]").Replace(someServices))
	for want, args := range map[string][]string{
		"shop-db-1-g1\nshop-made-1-g1\nshop-web-1-g1\n": {"-q"},
		"db\nmade\nweb\n":                     {"--services"},
		"made\nweb\n":                         {"--services", "--orphans=false"},
		"once\n":                              {"--services", "--status", "exited"},
		"once\nweb\n":                         {"--services", "--filter", "status=exited", "--status", "running", "once", "web"},
		"shop-once-1 3\n":                     {"-a", "--format", "{{.Name}} {{.ExitCode}}", "once"},
		"SERVICE   STATE\nonce      exited\n": {"-a", "--format", `table {{.Service}}\t{{.State}}`, "once"},
	} {
		if r := w.must(append([]string{"ps"}, args...)...); r.out != want {
			t.Errorf("ps %q: %q, want %q", args, r.out, want)
		}
	}
	if r := w.run("ps", "--status", "well"); r.code != 1 || !strings.Contains(r.err, "must be one of") {
		t.Errorf("an unknown status: exit %d\n%s", r.code, r.err)
	}
	w.must("down", "--remove-orphans")
}

// Intent: down takes some services away, and the images that were built.
func TestDownFlags(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.mayKeepBuildCache()
	w.file("stack.yaml", someServices)
	w.must("up", "-d")
	w.must("down", "web", "once")
	if ps := w.ps("-a"); len(ps) != 2 || ps["db.1"].State != "running" || ps["made.1"].State != "running" {
		t.Errorf("after down web once: %v", ps)
	}
	w.must("up", "-d", "web")
	if r := w.run("down", "nobody"); r.code != 1 || !strings.Contains(r.err, "no such service") || len(w.ps()) != 3 {
		t.Errorf("down of nobody: exit %d\n%s", r.code, r.err)
	}
	if r := w.must("down", "--rmi", "local"); !strings.Contains(r.err, "Image docker.io/library/shop-made:latest  Removed") {
		t.Errorf("down --rmi local:\n%s", r.err)
	}
	w.has("afterwards", busyboxRef)
}
