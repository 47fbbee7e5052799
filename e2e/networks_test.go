//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Intent: what a file says of a network, and of a service's place in it, is so.
func TestNetworkSettings(t *testing.T) {
	w := newWorld(t)
	const stack = `
services:
  web:
    image: stackup.test/busybox:1
    networks: {front: {ipv4_address: 10.214.7.20, mac_address: "02:00:00:00:07:20"}, back: {priority: 100}}
    stop_grace_period: 0s
  db:
    image: stackup.test/busybox:1
    networks: [back]
    stop_grace_period: 0s
networks:
  front: {ipam: {config: [{subnet: 10.214.7.0/24, gateway: 10.214.7.9}]}, driver_opts: {com.docker.network.driver.mtu: "1234"}}
  back: {internal: true, labels: {tier: data}}
`
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	// The network without a way out comes last, whatever its priority.
	w.inside("web", map[string]string{
		"cat /sys/class/net/eth0/address":           "02:00:00:00:07:20",
		"cat /sys/class/net/eth0/mtu":               "1234",
		"grep -c 10.214.7.20 /etc/hosts":            "1",
		"grep -c 00000000.0907D60A /proc/net/route": "1", // the default route by 10.214.7.9
	})
	w.inside("db", map[string]string{"grep -c '00000000.[^0]' /proc/net/route; true": "0"})
	if r := w.run("exec", "-T", "web", "sh", "-c", "wget -T 2 -q -O - http://db:80 2>&1; grep -w db /etc/hosts"); r.code != 0 {
		t.Errorf("web does not know db: %s%s", r.out, r.err)
	}
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		t.Errorf("plan after up: exit %d\n%s%s", r.code, r.out, r.err)
	}
	first := w.ps()["web.1"].ID
	w.must("up", "-d", "--force-recreate", "web") // the successor takes the address over
	if now := w.ps()["web.1"].ID; now == first {
		t.Error("web was not recreated")
	}
	w.inside("web", map[string]string{"grep -c 10.214.7.20 /etc/hosts": "1", "cat /sys/class/net/eth0/address": "02:00:00:00:07:20"})
	w.file("stack.yaml", strings.Replace(stack, "10.214.7.0/24, gateway: 10.214.7.9", "10.214.7.0/25, gateway: 10.214.7.9", 1))
	if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "ipam.config.subnet") || !strings.Contains(r.err, "stackup down") {
		t.Errorf("another subnet under a running stack: exit %d\n%s", r.code, r.err)
	}
	w.must("down")
}

// Intent: links are names for one service alone, and volumes_from shares mounts.
func TestLinksAndVolumesFrom(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  web:
    image: stackup.test/busybox:1
    links: ["db:database"]
    volumes_from: ["db:ro"]
    stop_grace_period: 0s
  db:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "echo shared > /data/x; exec sleep 100000"]
    volumes: [/data]
    stop_grace_period: 0s
  third: {image: stackup.test/busybox:1, stop_grace_period: 0s}
`)
	w.must("up", "-d")
	w.eventually("what db wrote is there", func() bool { return w.run("exec", "-T", "web", "cat", "/data/x").out == "shared\n" })
	w.inside("web", map[string]string{
		"grep -c database /etc/hosts":                 "1",
		"touch /data/y 2>/dev/null || echo read-only": "read-only",
	})
	w.inside("third", map[string]string{"grep -c database /etc/hosts": "0"})
	first := w.must("exec", "-T", "web", "grep", "database", "/etc/hosts").out
	w.must("up", "-d", "--force-recreate", "db")
	w.eventually("the link follows", func() bool {
		now := w.run("exec", "-T", "web", "grep", "database", "/etc/hosts").out
		return now != "" && now != first
	})
	w.must("down", "-v")
}

// Intent: mounts are made as the file says.
func TestMountOptions(t *testing.T) {
	w := newWorld(t)
	w.file("labels.txt", "from.file=yes\nboth=file\n")
	w.file("seed/sub/in.txt", "in the folder")
	seed := filepath.Join(w.project, "seed")
	check(t, syscall.Mount(seed, seed, "", syscall.MS_BIND, "")) // a mount of its own, whose changes others hear of
	check(t, syscall.Mount("", seed, "", syscall.MS_SHARED, ""))
	defer syscall.Unmount(seed, syscall.MNT_DETACH)
	stack := func(sub string) string {
		return `
services:
  fill:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "echo deep > /data/deep"]
    volumes: ["vol:/data"]
  a:
    image: stackup.test/busybox:1
    depends_on: {fill: {condition: service_completed_successfully}}
    label_file: labels.txt
    labels: {both: service}
    volumes:
      - {type: volume, source: empty, target: /www, volume: {nocopy: true}}
      - {type: volume, source: filled, target: /etc/copy, volume: {nocopy: false}}
      - {type: bind, source: ./seed, target: /seed, bind: {propagation: rslave, recursive: disabled}}
      - {type: volume, source: vol, target: /file` + sub + `}
    stop_grace_period: 0s
volumes: {vol: {}, empty: {}, filled: {}}
`
	}
	w.file("stack.yaml", stack(""))
	w.must("up", "-d")
	w.inside("a", map[string]string{
		"ls /www; echo empty":                 "empty",
		"cat /seed/sub/in.txt":                "in the folder",
		"grep ' /seed ' /proc/self/mountinfo": ".* master:[0-9]+ .*",
		"cat /file/deep":                      "deep",
	})
	w.file("stack.yaml", stack(", volume: {subpath: nowhere}"))
	if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "the volume has no nowhere") {
		t.Errorf("a subpath that is not there: exit %d\n%s", r.code, r.err)
	}
	w.file("stack.yaml", stack(", volume: {subpath: deep}"))
	w.must("up", "-d")
	w.inside("a", map[string]string{"cat /file": "deep"})
	w.must("restart", "a")
	w.inside("a", map[string]string{"cat /file": "deep"})
	w.must("run", "--rm", "fill", "sh", "-c", "rm /data/deep; ln -s /etc/shadow /data/deep")
	if r := w.run("restart", "a"); r.code != 1 || !strings.Contains(r.err, "a link has taken its place") {
		t.Errorf("a subpath that leads out now: exit %d\n%s", r.code, r.err)
	}
	if r := w.run("cp", "a:/file", "copied"); r.code != 1 || !strings.Contains(r.err, "a link has taken its place") {
		t.Errorf("a copy of what leads out now: exit %d\n%s", r.code, r.err)
	}
	w.must("down", "-v")
}
