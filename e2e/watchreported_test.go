//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stackup.dev/stackup/internal/dev/unrest"
)

// Intent: however a program saves, what it saved is in the container, under its
// name and no other.
func TestWatchSavesOfEditors(t *testing.T) {
	w := newWorld(t, only(embedded), slowly())
	w.file("src/page", "one")
	w.file("stack.yaml", `
services:
  web:
    image: stackup.test/busybox:1
    stop_grace_period: 0s
    develop: {watch: [{path: ., action: sync, target: /app, ignore: [stack.yaml]}]}
`)
	v := w.watch("watch")
	page := filepath.Join(w.project, "src/page")
	for _, s := range unrest.Saves(page) {
		check(t, s.Do())
		v.expect("web", "synced", "src/page")
		w.fileBecomes("web", "/app/src/page", s.Text)
		w.inside("web", map[string]string{"ls -A /app /app/src": "/app:\nsrc\n\n/app/src:\npage"})
	}
	for _, c := range []struct{ program, script, want string }{
		{"sed", "sed -i s/eight/nine/ src/page", "nine"},
		{"git", "rm -r .git; git init -q . && git add src && git -c user.name=a -c user.email=b commit -qm x && printf ten >src/page", "ten"},
		{"git", "git checkout -q src/page", "nine"},
		{"rsync", "mkdir -p /tmp/rs.$$ && printf eleven > /tmp/rs.$$/page && rsync -a /tmp/rs.$$/ src/; rm -r /tmp/rs.$$", "eleven"},
	} {
		if _, err := exec.LookPath(c.program); err != nil {
			t.Logf("%s is not here", c.program)
			continue
		}
		sh := command(t, time.Minute, "sh", "-c", c.script)
		sh.Dir = w.project
		if out, err := sh.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", c.program, err, out)
		}
		w.fileBecomes("web", "/app/src/page", c.want)
	}
	v.end()
	w.must("down")
}

// The tests below are of what users of docker compose watch report most.

// tinyDockerfile makes an image with neither shell nor tar nor a user's name.
const tinyDockerfile = "FROM scratch\nCOPY --from=stackup.test/busybox:1 /bin/busybox /sleep\nUSER 1234:5678\n"

// watchedTiny is a world with a watch of a service that is made so, and only syncs.
func watchedTiny(t *testing.T) (*world, *watching) {
	t.Helper()
	w := newWorld(t, only(embedded))
	w.mayKeepBuildCache()
	w.file("src/a", "1")
	w.file("tiny/Dockerfile", tinyDockerfile)
	w.file("stack.yaml", `
services:
  tiny:
    build: ./tiny
    command: [/sleep, "100000"]
    stop_grace_period: 0s
    develop: {watch: [{path: ./src, action: sync, target: /app}]}
`)
	return w, w.watch("watch")
}

// Intent: a save arrives in an image that has no shell, as the user of the container,
// who has no name there.
func TestWatchSyncsWithoutAShell(t *testing.T) {
	w, v := watchedTiny(t)
	inTiny := func(path string) string {
		for pid := range processesIn(w, "shop-tiny") {
			return fmt.Sprintf("/proc/%s/root%s", pid, path)
		}
		return "/none"
	}
	reads := func(path, want string) {
		t.Helper()
		w.eventually(path+" is "+want, func() bool {
			b, _ := os.ReadFile(inTiny(path))
			return string(b) == want
		})
	}
	w.file("src/a", "2")
	reads("/app/a", "2")
	var st syscall.Stat_t
	check(t, syscall.Stat(inTiny("/app/a"), &st))
	if st.Uid != 1234 || st.Gid != 5678 {
		t.Errorf("the file is of %d:%d", st.Uid, st.Gid)
	}
	check(t, os.Rename(filepath.Join(w.project, "src/a"), filepath.Join(w.project, "src/c")))
	reads("/app/c", "2")
	reads("/app/a", "")
	v.end()
	w.must("down", "-v")
}

// Intent: a changed Dockerfile of a service that only syncs is told.
func TestWatchTellsOfAChangedDockerfile(t *testing.T) {
	w, v := watchedTiny(t)
	w.file("tiny/Dockerfile", tinyDockerfile+"LABEL a=b\n")
	v.expect("tiny")
	v.end()
	w.must("down", "-v")
}

// Intent: renames and deletions reach a container that has ended, and one whose root
// is read-only.
func TestWatchDeletesInAContainerThatHasEnded(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("src/a", "1")
	w.file("src/b", "1")
	w.file("stack.yaml", `
services:
  ended:
    image: stackup.test/busybox:1
    command: ["true"]
    develop: {watch: [{path: ./src, action: sync, target: /app}]}
  sealed:
    image: stackup.test/busybox:1
    read_only: true
    volumes: [data:/data]
    stop_grace_period: 0s
    develop: {watch: [{path: ./src, action: sync, target: /data/app}]}
volumes: {data: {}}
`)
	v := w.watch("watch")
	w.file("src/a", "2")
	w.fileBecomes("sealed", "/data/app/a", "2")
	w.eventually("the container that has ended has it", func() bool { return w.run("cp", "ended:/app/a", "copied").code == 0 })
	check(t, os.Rename(filepath.Join(w.project, "src/a"), filepath.Join(w.project, "src/c")))
	check(t, os.Remove(filepath.Join(w.project, "src/b")))
	w.eventually("the container that has ended has it by its new name only", func() bool {
		return w.run("cp", "ended:/app/c", "copied").code == 0 && w.run("cp", "ended:/app/a", "copied").code != 0
	})
	w.fileBecomes("sealed", "/data/app/a", "")
	w.fileBecomes("sealed", "/data/app/c", "2")
	v.end()
	w.must("down", "-v")
}

// Intent: a copy that failed is made once it can be, without another save.
func TestWatchTriesACopyAgain(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("src/page", "1")
	w.file("stack.yaml", `
services:
  web:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "echo > /tmp/app; exec sleep 1000"]
    stop_grace_period: 0s
    develop: {watch: [{path: ./src, action: sync, target: /tmp/app}]}
`)
	v := w.watch("watch")
	w.eventually("a file is where the folder shall be", func() bool { return w.run("exec", "-T", "web", "sh", "-c", "test -f /tmp/app").code == 0 })
	w.file("page", "2")
	check(t, os.Rename(filepath.Join(w.project, "page"), filepath.Join(w.project, "src/page"))) // one change, where a write is several
	v.expect("web: failed: src/page")
	w.must("exec", "-T", "web", "busybox", "rm", "/tmp/app")
	w.fileBecomes("web", "/tmp/app/page", "2")
	v.end()
	if n := strings.Count(v.said.String(), "web: failed"); n != 1 {
		t.Errorf("the failure was told %d times:\n%s", n, v.said.String())
	}
	w.must("down")
}

// Intent: patterns with exceptions mean what they say.
func TestWatchIgnoresWithExceptions(t *testing.T) {
	w := newWorld(t, only(embedded))
	for name, text := range map[string]string{"all/x": "no", "all/keep": "1", "all/sub/keep": "1"} {
		w.file(name, text)
	}
	w.file("stack.yaml", `
services:
  sealed:
    image: stackup.test/busybox:1
    read_only: true
    tmpfs: [/mem]
    stop_grace_period: 0s
    develop: {watch: [{path: ./all, action: sync, target: /mem/all, ignore: ["*", "!keep", "!sub"]}]}
`)
	v := w.watch("watch")
	w.file("all/x", "yes")
	w.file("all/keep", "2")
	w.file("all/sub/keep", "2")
	w.fileBecomes("sealed", "/mem/all/keep", "2")
	w.fileBecomes("sealed", "/mem/all/sub/keep", "2")
	w.inside("sealed", map[string]string{"ls /mem/all": "keep\nsub"})
	v.end()
	w.must("down")
}

// Intent: what was synced into memory is there again after a restart.
func TestWatchSyncsIntoMemoryAgain(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("src/sub/a", "1")
	w.file("stack.yaml", `
services:
  sealed:
    image: stackup.test/busybox:1
    read_only: true
    tmpfs: [/mem]
    stop_grace_period: 0s
    develop: {watch: [{path: ./src, action: sync, target: /mem/src}]}
`)
	v := w.watch("watch")
	w.file("src/sub/a", "2")
	w.fileBecomes("sealed", "/mem/src/sub/a", "2")
	w.must("restart", "sealed") // what it had in memory is gone
	w.fileBecomes("sealed", "/mem/src/sub/a", "2")
	v.end()
	w.must("down")
}

// Intent: a rule for the whole project copies neither the stack file nor Dockerfiles.
func TestWatchLeavesTheStacksFilesOut(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.mayKeepBuildCache()
	w.file("src/a", "1")
	w.file("tiny/Dockerfile", tinyDockerfile)
	w.file("stack.yaml", `
services:
  tiny: {build: ./tiny, command: [/sleep, "100000"], stop_grace_period: 0s}
  whole:
    image: stackup.test/busybox:1
    stop_grace_period: 0s
    develop: {watch: [{path: ., action: sync+restart, target: /w, include: ["src", "stack.yaml", "tiny"]}]}
  other: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	v := w.watch("watch")
	other := w.pidsOf("shop-other")
	w.file("src/c", "2")
	w.file("tiny/Dockerfile", tinyDockerfile+"LABEL a=b\n")
	v.expect("tiny")
	w.file("src/d", "3") // by then what was saved before has been dealt with
	var got string
	w.eventually("the copied files are there after the restart", func() bool {
		r := w.run("exec", "-T", "whole", "ls", "-R", "/w")
		got = r.out
		return r.code == 0 && strings.Contains(got, "c\nd\n")
	})
	if strings.Contains(got, "stack.yaml") || strings.Contains(got, "Dockerfile") {
		t.Errorf("what was copied of the whole project:\n%s", got)
	}
	if now := w.pidsOf("shop-other"); now != other {
		t.Error("a service that no rule is about was restarted")
	}
	v.end()
	w.must("down", "-v")
}

// Intent: many saves in a row are built a few times, not once each; what the image
// leaves out is not built at all; and no other service restarts.
func TestWatchBuildsABurstOnce(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.mayKeepBuildCache()
	w.file("ctx/page", "0")
	w.file("ctx/Dockerfile", "FROM stackup.test/busybox:1\nCOPY page /page\n")
	w.file("ctx/Dockerfile.dockerignore", "*\n!page\n!more/**\n")
	w.file("stack.yaml", `
services:
  built:
    build: ./ctx
    command: [sleep, "100000"]
    stop_grace_period: 0s
    develop: {watch: [{path: ./ctx, action: rebuild}]}
  other: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	v := w.watch("watch")
	other := w.pidsOf("shop-other")
	w.file("ctx/left-out", "x") // not in the image, so nothing to build
	for i := range 30 {
		w.file("ctx/page", fmt.Sprint(i))
		time.Sleep(20 * time.Millisecond) // between two saves of a program
	}
	w.fileBecomes("built", "/page", "29")
	if n := strings.Count(v.said.String(), "built: rebuilt"); n > 3 {
		t.Errorf("30 saves in a row were built %d times:\n%s", n, v.said.String())
	}
	if now := w.pidsOf("shop-other"); now != other {
		t.Error("a service that no rule is about was restarted")
	}
	v.end()
	w.must("down", "-v")
}

// Intent: a watch that was killed keeps no other from watching.
func TestWatchAfterAKilledWatch(t *testing.T) {
	w := newWorld(t, only(embedded))
	w.file("src/c", "2")
	w.file("stack.yaml", `
services:
  web:
    image: stackup.test/busybox:1
    stop_grace_period: 0s
    develop: {watch: [{path: ./src, action: sync, target: /app}]}
`)
	v := w.watch("watch")
	check(t, v.cmd.Process.Kill())
	v.cmd.Wait()
	again := w.watch("watch")
	w.file("src/c", "3")
	w.fileBecomes("web", "/app/c", "3")
	again.end()
	w.must("down")
}
