//go:build e2e

package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// datagrams are what has come to a socket of this machine.
type datagrams struct {
	mu   sync.Mutex
	said strings.Builder
}

func listenAt(t *testing.T, path string) *datagrams {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	p, err := net.ListenPacket("unixgram", path)
	check(t, err)
	t.Cleanup(func() { p.Close(); os.Remove(path) })
	d := &datagrams{}
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, _, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			d.mu.Lock()
			d.said.Write(append(b[:n:n], '\n'))
			d.mu.Unlock()
		}
	}()
	return d
}

func (d *datagrams) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.said.String()
}

// Intent: what a service prints goes where its driver says, and is shown here all
// the same; a supervisor that is killed costs no line; none keeps nothing.
func TestLogDrivers(t *testing.T) {
	w := newWorld(t)
	const journal = "/run/systemd/journal/socket" // of this world: it has a /run of its own
	socket := filepath.Join(w.dir, "syslog.sock")
	syslog, journald := listenAt(t, socket), listenAt(t, journal)
	w.file("stack.yaml", `
x-say: &say {image: stackup.test/busybox:1, stop_grace_period: 0s, command: ["sh", "-c", "echo first; until [ -e /go ]; do sleep 0.1; done; echo second >&2; sleep 100000"]}
services:
  sys:
    <<: *say
    logging: {driver: syslog, options: {syslog-address: "unixgram://`+socket+`", syslog-facility: local1, tag: "{{.Name}}"}}
  jour:
    <<: *say
    environment: {LEVEL: "7"}
    logging: {driver: journald, options: {env: LEVEL}}
  mute:
    <<: *say
    logging: {driver: none}
`)
	w.must("up", "-d")
	w.eventually("both have the first line", func() bool {
		return strings.Contains(syslog.text(), "first") && strings.Contains(journald.text(), "first")
	})
	check(t, syscall.Kill(w.helper("supervisor"), syscall.SIGKILL))
	for _, service := range []string{"sys", "jour", "mute"} {
		w.must("exec", "-T", service, "touch", "/go")
	}
	w.eventually("both have the second line", func() bool {
		return strings.Contains(syslog.text(), "second") && strings.Contains(journald.text(), "second")
	})
	if got := syslog.text(); !strings.Contains(got, "<142>") || !strings.Contains(got, "<139>") || !strings.Contains(got, " shop-sys-1[") { // 17·8 and info, err
		t.Errorf("syslog has\n%s", got)
	}
	for _, want := range []string{"MESSAGE=second\n", "PRIORITY=3\n", "PRIORITY=6\n", "CONTAINER_NAME=shop-jour-1\n", "LEVEL=7\n"} {
		if !strings.Contains(journald.text(), want) {
			t.Errorf("journald has no %q in\n%s", want, journald.text())
		}
	}
	if r := w.must("logs", "--no-log-prefix", "sys"); r.out != "first\n" || r.err != "second\n" {
		t.Errorf("logs of sys: %q, %q", r.out, r.err)
	}
	if r := w.must("logs", "mute"); r.out+r.err != "" {
		t.Errorf("logs of mute: %q", r.out+r.err)
	}
	w.must("down")
}
