//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const canarySecret = "correct-horse-battery"

// Intent: configs and secrets stand in the container as asked for, and secrets
// nowhere else.
func TestConfigsAndSecrets(t *testing.T) {
	w := newWorld(t)
	w.env = append(w.env, "TOKEN="+canarySecret+"-env")
	w.file("secret.txt", canarySecret+"-file")
	stack := `
services:
  a:
    image: stackup.test/busybox:1
    user: app
    read_only: true
    configs: [plain, {source: inline, target: /etc/app/inline.conf, mode: 0o440, uid: "7", gid: "8"}]
    secrets: [db, {source: token, target: api, mode: 0o400}]
    restart: always
    stop_grace_period: 0s
configs:
  plain: {file: plain.conf}
  inline: {content: "inline content\n"}
secrets:
  db: {file: secret.txt}
  token: {environment: TOKEN}
`
	w.file("plain.conf", "plain content\n")
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	w.inside("a", map[string]string{
		"cat /plain":                             "plain content",
		"ls -ln /plain | head -c 10":             "-r--r--r--",
		"ls -ln /etc/app/inline.conf":            `-r--r-----\s+1 7\s+8 .*`,
		"cat /run/secrets/db":                    canarySecret + "-file",
		"ls -ln /run/secrets/api":                `-r--------\s+1 1000\s+1000 .*`,
		"cat /run/secrets/api":                   canarySecret + "-env",
		"echo x 2>&1 > /run/secrets/db; echo $?": `(?s).*Read-only.*1`,
	})
	w.nowhere(canarySecret)
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		t.Errorf("plan after up: exit %d\n%s", r.code, r.out)
	}
	first := w.ps()["a.1"].ID
	ended := processesIn(w, "shop")
	for pid := range ended { // by its policy it comes back, with its files
		n, err := strconv.Atoi(pid)
		check(t, err)
		check(t, syscall.Kill(n, syscall.SIGKILL))
	}
	w.eventually("it is back", func() bool {
		now := processesIn(w, "shop")
		for pid := range ended {
			delete(now, pid)
		}
		return len(now) > 0 && w.ps()["a.1"].State == "running"
	})
	w.inside("a", map[string]string{"cat /run/secrets/api": canarySecret + "-env"})

	w.file("secret.txt", canarySecret+"-changed")
	r := w.run("plan", "--exit-code")
	if r.code != 2 || !strings.Contains(r.out, "secrets.db") || strings.Contains(r.out, canarySecret) {
		t.Errorf("plan of a changed secret: exit %d\n%s", r.code, r.out)
	}
	w.must("up", "-d")
	if now := w.ps()["a.1"].ID; now == first {
		t.Error("a changed secret made no new container")
	}
	w.inside("a", map[string]string{"cat /run/secrets/db": canarySecret + "-changed"})
	w.must("down")
}

// nowhere fails the test if text is in what commands print, in an argument of
// a process, or in a file of this world but the project's own.
func (w *world) nowhere(text string) {
	w.t.Helper()
	for _, args := range [][]string{{"config"}, {"ps", "--format", "json"}, {"plan", "--json"}, {"plan"}, {"logs"}, {"--debug", "up", "-d"}} {
		if r := w.run(args...); strings.Contains(r.out+r.err, text) {
			w.t.Errorf("%v prints the secret:\n%s%s", args, r.out, r.err)
		}
	}
	for pid, what := range processesOf(text) {
		w.t.Errorf("the secret is an argument of process %d: %s", pid, what)
	}
	filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case d.IsDir() && (path == w.project || path == filepath.Join(w.state(), "granted")):
			return filepath.SkipDir // where it is, and where it has to be
		case !d.Type().IsRegular():
			return nil
		}
		if b, _ := os.ReadFile(path); strings.Contains(string(b), text) {
			w.t.Errorf("the secret is in %s", path)
		}
		return nil
	})
}
