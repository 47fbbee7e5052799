//go:build e2e

package e2e

import "testing"

// Intent: images without a program to probe with are probed from outside, and
// what has become unhealthy starts again where that is asked for.
func TestProbesFromOutside(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
x-times: &times {interval: 200ms, start_period: 20s, start_interval: 200ms, retries: 2}
services:
  http:
    image: stackup.test/busybox:1
    command: ["httpd", "-f", "-p", "127.0.0.1:8070", "-h", "/www"]
    healthcheck: *times
    x-stackup: {probe: {http: "http://localhost:8070/index.html"}}
    stop_grace_period: 0s
  tcp:
    image: stackup.test/busybox:1
    command: ["httpd", "-f", "-p", "8071", "-h", "/www"]
    healthcheck: *times
    x-stackup: {probe: {tcp: 8071}}
    stop_grace_period: 0s
  log:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "sleep 1; echo it is ready now; sleep 100000"]
    healthcheck: *times
    x-stackup: {probe: {log: "ready( now)?$$"}}
    stop_grace_period: 0s
  deaf:
    image: stackup.test/busybox:1
    healthcheck: {interval: 100ms, retries: 2}
    x-stackup: {probe: {tcp: 8072}}
    stop_grace_period: 0s
  sick:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "touch /tmp/well; sleep 100000"]
    healthcheck: {test: ["CMD", "cat", "/tmp/well"], interval: 200ms, retries: 2}
    x-stackup: {restart_unhealthy: true}
    stop_grace_period: 0s
`)
	w.must("up", "-d", "--wait", "http", "tcp", "log", "sick")
	w.must("up", "-d")
	w.eventually("deaf is found unhealthy", func() bool { return w.ps()["deaf.1"].Health == "unhealthy" })
	w.eventually("its last five probes are told", func() bool { return len(w.ps()["deaf.1"].HealthLog) == 5 })
	for _, p := range w.ps()["deaf.1"].HealthLog {
		if p.ExitCode == 0 || p.Output == "" || p.End.Before(p.Start) {
			t.Errorf("a probe of deaf: %+v", p)
		}
	}
	w.must("exec", "-T", "sick", "sh", "-c", "echo > /tmp/gone; rm /tmp/well")
	w.eventually("sick was started again", func() bool {
		r := w.run("exec", "-T", "sick", "sh", "-c", "ls /tmp/well")
		return r.code == 0
	})
	w.eventually("sick is healthy", func() bool { return w.ps()["sick.1"].Health == "healthy" })
	w.must("down")
}
