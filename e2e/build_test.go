//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"stackup.dev/stackup/internal/dev/slowness"
)

// buildStack builds on the image that is here, on one of its own, and from
// nothing but the file.
const buildStack = `
services:
  web:
    build:
      context: web
      args: {VERSION: "1"}
      additional_contexts: {tools: "service:tools"}
      labels: {com.example.made: "yes"}
      secrets: [token]
      tags: [stackup.test/also:1]
      extra_hosts: {buildhost: 10.1.2.3}
    command: ["sleep", "100000"]
    stop_grace_period: 0s
  tools:
    build:
      context: tools
      dockerfile_inline: |
        FROM stackup.test/busybox:1
        RUN echo tool > /tool
    scale: 0
secrets:
  token: {environment: TOKEN}
`

const webDockerfile = `FROM stackup.test/busybox:1 AS base
ARG VERSION=0
RUN --mount=type=secret,id=token sha256sum /run/secrets/token | grep -q ^622493693890
RUN echo version $VERSION > /version && grep buildhost /etc/hosts > /hosts-then
FROM base
COPY --from=tools /tool /tool
COPY . /src
`

// Intent: up builds what is due and nothing else, says which input has changed,
// and leaves the old container serving if a build fails.
func TestBuild(t *testing.T) {
	w := newWorld(t, slowly())
	w.mayKeepBuildCache()
	w.env = append(w.env, "TOKEN="+canarySecret)
	w.file("web/Dockerfile", webDockerfile)
	w.file("web/page", "one\n")
	w.file("tools/none", "")
	w.file("web/skipped.log", "1")
	w.file("web/.dockerignore", "*.log\n")
	w.file("stack.yaml", buildStack)
	w.must("up", "-d")
	w.inside("web", map[string]string{
		"cat /version": "version 1", "cat /tool": "tool", "cat /src/page": "one", "ls /src/skipped.log 2>&1 || true": ".*No such file.*",
		"cat /hosts-then": `10\.1\.2\.3\s+buildhost`, "ls /run/secrets 2>&1 || true": ".*No such file.*|",
	})
	w.nowhere(canarySecret)
	if r := w.must("images", "ls"); !strings.Contains(r.out, "stackup.test/also") {
		t.Errorf("the further tag is not there:\n%s", r.out)
	}
	w.unchanged("after up")
	w.file("web/skipped.log", "2")
	w.unchanged("after a change that .dockerignore leaves out")
	w.must("build")
	w.unchanged("after building the same once more")

	first := w.ps()["web.1"].ID
	w.file("web/page", "two\n")
	if r := w.run("plan"); !strings.Contains(r.out, "build.context: ") || !strings.Contains(r.out, "replace web.1") || strings.Contains(r.out, "shop-tools") {
		t.Errorf("plan after a change:\n%s", r.out)
	}
	w.must("up", "-d")
	w.inside("web", map[string]string{"cat /src/page": "two"})
	w.unchanged("after the second up")

	second := w.ps()["web.1"].ID
	w.file("tools/none", "what no step copies")
	if r := w.run("plan"); !strings.Contains(r.out, "shop-tools") {
		t.Errorf("plan after a change of the base:\n%s", r.out)
	}
	w.must("up", "-d") // both images come out the same
	w.unchanged("after a build that changed nothing")
	if now := w.ps()["web.1"].ID; now != second {
		t.Errorf("%s took the place of %s with the same image", now, second)
	}
	w.file("web/Dockerfile", webDockerfile+"RUN echo last words; exit 7\n")
	r := w.run("up", "-d")
	if r.code != 1 || !strings.Contains(r.err, "last words") || !strings.Contains(r.err, "exit code: 7") {
		t.Errorf("a build that fails: exit %d\n%s", r.code, r.err)
	}
	if now := w.ps()["web.1"].ID; first == second || now != second {
		t.Errorf("%s, then %s, then %s: the one that served is gone", first, second, now)
	}
	w.file("web/Dockerfile", webDockerfile)
	w.unchanged("with the Dockerfile as it was")
	w.must("down", "-v")
}

// unchanged wants a plan with nothing to do.
func (w *world) unchanged(when string) {
	w.t.Helper()
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		w.t.Errorf("plan %s: exit %d\n%s%s", when, r.code, r.out, r.err)
	}
}

// Intent: a command that is killed while it builds leaves nothing that runs, and
// the next one converges.
func TestBuildKilled(t *testing.T) {
	w := newWorld(t, only(embedded), slowly())
	w.mayKeepBuildCache()
	w.file("web/Dockerfile", "FROM stackup.test/busybox:1\nRUN echo begun && sleep 98765\n")
	w.file("stack.yaml", "services:\n  web: {build: web, command: [sleep, \"100000\"], stop_grace_period: 0s}\n")
	cmd := w.cmd("up", "-d")
	check(t, cmd.Start())
	w.eventually("the build runs", func() bool { return len(processesOf("sleep\x0098765")) > 0 })
	check(t, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait()
	w.file("web/Dockerfile", "FROM stackup.test/busybox:1\nRUN echo done > /done\n")
	begun := slowness.Given()
	w.must("up", "-d")
	if took := slowness.Given() - begun; took > allow(30*time.Second) {
		t.Errorf("the next up took %s", took)
	}
	w.inside("web", map[string]string{"cat /done": "done"})
	w.settles("still there of the killed build", func() (left []string) {
		for _, p := range processesOf(w.dir) {
			if strings.Contains(p, "buildkitd") || strings.Contains(p, "buildctl") {
				left = append(left, p)
			}
		}
		return left
	})
	w.must("down", "-v")
}

// Intent: with BUILDKIT_HOST the image is built there and comes here as an archive.
func TestBuildElsewhere(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.mayStay("lease ", "snapshot ")
	dir := t.TempDir()
	config := filepath.Join(dir, "buildkitd.toml")
	check(t, os.WriteFile(config, []byte(fmt.Sprintf("[worker.oci]\nenabled=false\n[worker.containerd]\nenabled=true\naddress=%q\nnamespace=\"elsewhere\"\nnetworkMode=\"host\"\n", w.socket())), 0o600))
	daemon := command(t, 5*time.Minute, filepath.Join(filepath.Dir(stackup), "libexec/stackup/buildkitd"), "--config", config, "--root", dir, "--addr", "unix://"+dir+"/s")
	check(t, daemon.Start())
	defer stop(t, daemon, syscall.SIGTERM)
	w.eventually("buildkitd answers", func() bool { _, err := os.Stat(dir + "/s"); return err == nil })
	w.env = append(w.env, "BUILDKIT_HOST=unix://"+dir+"/s")
	w.file("Dockerfile", "FROM scratch\nCOPY page /page\n")
	w.file("page", "one")
	w.file("stack.yaml", "services:\n  a: {build: ., command: [/none], stop_grace_period: 0s}\n")
	w.must("create")
	if r := w.run("images", "ls"); !strings.Contains(r.out, "shop-a") || strings.Contains(r.out, "building") {
		t.Errorf("images:\n%s", r.out)
	}
	w.file("page", "two")
	if r := w.run("plan"); !strings.Contains(r.out, "build.context: ") {
		t.Errorf("plan after a change:\n%s", r.out)
	}
	w.file("Dockerfile", "FROM scratch\nCOPY none /page\n")
	if r := w.run("build"); r.code != 1 || !strings.Contains(r.err, "none") {
		t.Errorf("a build that fails: exit %d\n%s", r.code, r.err)
	}
	w.must("down", "-v")
}

// Intent: at whatever moment a command that builds is killed, also while BuildKit
// is only coming up, the next one converges, and in the end nothing is left.
func TestBuildKilledAtAnyTime(t *testing.T) {
	w := newWorld(t, only(embedded), slowly())
	w.mayKeepBuildCache()
	w.file("stack.yaml", "services:\n  web: {build: web, command: [sleep, \"100000\"], stop_grace_period: 0s}\n")
	for i, after := range sliceOf(t, []time.Duration{50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 1000}) {
		w.file("web/Dockerfile", fmt.Sprintf("FROM stackup.test/busybox:1\nRUN echo %d && sleep 0.%d\n", i, i%5))
		cmd := w.cmd("up", "-d")
		check(t, cmd.Start())
		time.Sleep(allow(after * time.Millisecond))
		check(t, cmd.Process.Signal(syscall.SIGKILL))
		_ = cmd.Wait()
	}
	w.file("web/Dockerfile", "FROM stackup.test/busybox:1\nRUN echo done > /done\n")
	w.must("up", "-d")
	w.inside("web", map[string]string{"cat /done": "done"})
	w.must("down", "-v")
	w.settles("still there after down", func() (left []string) { // BuildKit's cache may stay
		for _, p := range processesOf(w.dir) {
			if !strings.Contains(p, "engine run") {
				left = append(left, p)
			}
		}
		groups := traces{}
		cgroupTraces(w.root(), groups)
		return slices.Concat(left, mountsBelow(w.dir), slices.Collect(maps.Keys(groups)))
	})
}

// Intent: a build can be checked, printed, attested and pushed.
func TestBuildFlags(t *testing.T) {
	w := newWorld(t, only(embedded))
	reg := newRegistry(t)
	w.mayKeepBuildCache()
	ref := reg.host + "/made:1"
	w.file("Dockerfile", "FROM stackup.test/busybox:1\nARG V=0\nRUN echo $V > /v\n")
	w.file("stack.yaml", "services:\n  a: {image: \""+ref+"\", build: {context: ., args: {V: \"1\"}}, stop_grace_period: 0s}\n")
	if r := w.must("build", "--check"); r.out != ref+":\n  nothing to say\n" && !strings.Contains(r.out, "no warnings") {
		t.Errorf("checked: %q", r.out)
	}
	if r := w.must("build", "--print"); !strings.Contains(r.out, `"V": "1"`) || !strings.Contains(r.out, `"`+ref+`"`) {
		t.Errorf("printed:\n%s", r.out)
	}
	w.has("after checking and printing", busyboxRef)
	w.must("build", "--push", "--provenance=mode=max", "--quiet")
	if reg.digest(t, ref) == "" {
		t.Error("it is not in the registry")
	}
	if r := w.run("plan"); strings.Contains(r.out, "build ") {
		t.Errorf("it is built:\n%s", r.out)
	}
	w.file("Dockerfile", "from stackup.test/busybox:1 AS odd\nRUN true\n")
	if r := w.run("build", "--check"); r.code != 1 || !strings.Contains(r.out, "WARNING: ") {
		t.Errorf("an odd Dockerfile: exit %d\n%s%s", r.code, r.out, r.err)
	}
	for _, bad := range [][]string{{"-m", "1g"}, {"--check", "--push"}, {"--ssh", "key"}} {
		if r := w.run(append([]string{"build"}, bad...)...); r.code != 1 || !strings.Contains(r.err, "--") {
			t.Errorf("%q: exit %d\n%s", bad, r.code, r.err)
		}
	}
	w.must("down", "-v")
}

// Intent: a context may lie elsewhere: an archive, packed or not, a folder of a
// repository, or nothing but a Dockerfile.
func TestBuildFromAddresses(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.mayKeepBuildCache()
	served := t.TempDir()
	sh := func(script string) {
		t.Helper()
		c := command(t, time.Minute, "sh", "-ec", script)
		c.Dir = served
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	sh(`mkdir -p repo/sub
printf 'FROM stackup.test/busybox:1\nCOPY mark /mark\n' > repo/sub/Dockerfile
echo from afar > repo/sub/mark
printf 'FROM stackup.test/busybox:1\nRUN echo from afar > /mark\n' > Dockerfile
tar -C repo/sub -cf context.tar . && gzip -k context.tar
cd repo && git init -q -b main && git add . && git -c user.name=a -c user.email=a@example.test commit -qm x && git update-server-info`)
	srv := httptest.NewServer(http.FileServer(http.Dir(served)))
	defer srv.Close()
	file := "services:\n"
	addresses := map[string]string{"archive": "/context.tar", "packed": "/context.tar.gz", "repository": "/repo/.git#main:sub", "dockerfile": "/Dockerfile"}
	for name, at := range addresses {
		file += "  " + name + ": {build: {context: \"" + srv.URL + at + "\"}, stop_grace_period: 0s}\n"
	}
	w.file("stack.yaml", file)
	w.must("up", "-d")
	for name := range addresses {
		w.inside(name, map[string]string{"cat /mark": "from afar"})
	}
	w.unchanged("after up")
	w.must("down")
	w.file("context.tar", "")
	w.file("stack.yaml", "services:\n  a: {build: ./context.tar}\n")
	w.refused("context.tar is not a folder", "up", "-d")
}
