//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Intent: what of this machine a service asks for by name it gets, and is told
// before anything is touched if there is none.
func TestOfThisMachine(t *testing.T) {
	w := newWorld(t)
	device := filepath.Join("/var/run/cdi", fmt.Sprintf("stackup-test-%d.json", os.Getpid()))
	check(t, os.MkdirAll(filepath.Dir(device), 0o755))
	check(t, os.WriteFile(device, []byte(`{"cdiVersion": "0.6.0", "kind": "stackup.test/device", "devices": [{"name": "one", "containerEdits": {
			"env": ["DEVICE=one"], "deviceNodes": [{"path": "/dev/one", "hostPath": "/dev/null", "type": "c", "major": 1, "minor": 3}]}}]}`), 0o644))
	t.Cleanup(func() { _ = os.Remove(device); _ = os.Remove(filepath.Dir(device)) })
	runtime := filepath.Join(w.dir, "other-runtime")
	runc := filepath.Join(repo, "bin/libexec/stackup/runc")
	check(t, os.WriteFile(runtime, []byte("#!/bin/sh\necho \"$@\" >>"+runtime+".log\nexec "+runc+" \"$@\"\n"), 0o755))
	for kind, text := range map[string]string{"secrets/token": "hush", "configs/motd": "hello"} {
		check(t, os.MkdirAll(filepath.Join(w.root(), filepath.Dir(kind)), 0o700))
		check(t, os.WriteFile(filepath.Join(w.root(), kind), []byte(text), 0o600))
	}
	w.file("stack.yaml", `
services:
  web:
    image: stackup.test/busybox:1
    umask: "0o077"
    cgroup_parent: /stackup-test/inner
    runtime: `+runtime+`
    devices: ["stackup.test/device=one"]
    configs: [motd]
    secrets: [password]
    stop_grace_period: 0s
configs: {motd: {external: true}}
secrets: {password: {external: true, name: token}}
`)
	w.must("up", "-d")
	w.inside("web", map[string]string{
		"touch /tmp/mine && ls -l /tmp/mine | head -c 10": "-rw-------", // exec has it too
		"grep Umask /proc/1/status":                       `Umask:\s+0077`,
		"echo $DEVICE; echo x >/dev/one && ls /dev/one":   "one\n/dev/one",
		"cat /motd /run/secrets/password":                 "hellohush",
	})
	group, err := filepath.Glob("/sys/fs/cgroup/*/stackup-test/inner/*/shop-web-1-g1")
	check(t, err)
	if _, err := os.Stat("/sys/fs/cgroup/stackup-test/inner"); len(group) == 0 && err != nil {
		t.Error("the container is not below the chosen control group")
	}
	if log, err := os.ReadFile(runtime + ".log"); err != nil || !strings.Contains(string(log), "create") {
		t.Errorf("the runtime was not asked: %s %v", log, err)
	}
	check(t, os.WriteFile(filepath.Join(w.root(), "secrets/token"), []byte("louder"), 0o600))
	if r := w.must("plan"); !strings.Contains(r.out, "secrets.password") {
		t.Errorf("a changed external secret does not show:\n%s", r.out)
	}
	w.must("down")
	check(t, os.RemoveAll(filepath.Join(w.root(), "secrets")))
	check(t, os.RemoveAll(filepath.Join(w.root(), "configs")))
	w.file("stack.yaml", `
services:
  a: {image: stackup.test/busybox:1, runtime: no-such-runtime}
  b: {image: stackup.test/busybox:1, gpus: all}
`)
	r := w.run("up", "-d")
	for _, want := range []string{"a: runtime: the OCI runtime no-such-runtime is not installed", "b: devices: no CDI specification in /etc/cdi or /var/run/cdi has nvidia.com/gpu=all"} {
		if r.code == 0 || !strings.Contains(r.err, want) {
			t.Errorf("exit %d, and not told %q:\n%s", r.code, want, r.err)
		}
	}
}
