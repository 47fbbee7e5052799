package forward

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tinylib/msgp/msgp"

	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/spec"
)

func container(t *testing.T) Container {
	t.Helper()
	return Container{
		ID: "shop-web-1-g1-abcdef", Name: "shop-web-1", Image: "web:1", Dir: t.TempDir(),
		Labels: map[string]string{"com.example.team": "a"}, Environment: map[string]string{"LEVEL": "3", "SECRET": "x"},
	}
}

var begin = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// print adds lines to the container's log, one a second; those with ! are of stderr.
func printed(t *testing.T, c Container, from int, lines ...string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(c.Dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	fatal(t, err)
	for i, l := range lines {
		r := logs.Record{Time: begin.Add(time.Duration(from+i) * time.Second), Stream: logs.Stdout, Text: []byte(l)}
		if strings.HasPrefix(l, "!") {
			r.Stream = logs.Stderr
		}
		_, err := f.Write(r.Append(nil))
		fatal(t, err)
	}
	fatal(t, f.Close())
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// running forwards until the test or stop ends it.
func running(t *testing.T, c Container, l spec.Logging) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Run(ctx, c, l, slog.New(slog.NewTextHandler(t.Output(), nil)))
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func next(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case s := <-from:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nothing more came")
		return ""
	}
}

// packets takes what comes to a datagram socket, line by line.
func packets(t *testing.T, network, at string) (string, <-chan string) {
	t.Helper()
	p, err := net.ListenPacket(network, at)
	fatal(t, err)
	t.Cleanup(func() { _ = p.Close() })
	out := make(chan string, 100)
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, _, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			out <- string(b[:n])
		}
	}()
	return p.LocalAddr().String(), out
}

// TestSyslog: every line with facility, severity and tag; one that was sent is
// not sent again by the next who forwards.
func TestSyslog(t *testing.T) {
	at, got := packets(t, "udp", "127.0.0.1:0")
	c := container(t)
	l := spec.Logging{Driver: spec.LogSyslog, Forward: spec.Forward{Address: "udp://" + at, Facility: "local3", Tag: "{{.DaemonName}}/{{.Name}}"}}
	printed(t, c, 0, "one", "!two")
	stop := running(t, c, l)
	for _, want := range []struct{ priority, text string }{{"<158>", "one"}, {"<155>", "!two"}} { // 19·8 and info, err
		if line := next(t, got); !strings.HasPrefix(line, want.priority) || !strings.Contains(line, " stackup/shop-web-1[") || !strings.HasSuffix(line, "]: "+want.text+"\n") {
			t.Errorf("came %q, want %v", line, want)
		}
	}
	stop()
	printed(t, c, 2, "three")
	running(t, c, l)
	if line := next(t, got); !strings.HasSuffix(line, "three\n") {
		t.Errorf("after a new start came %q", line)
	}
}

// TestWaitsForTheServer: while nobody listens lines wait, and none is lost; a log
// that goes meanwhile is sent to its end.
func TestWaitsForTheServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.sock")
	c := container(t)
	l := spec.Logging{Driver: spec.LogSyslog, Forward: spec.Forward{Address: "unixgram://" + path}}
	printed(t, c, 0, "one", "two")
	from, told := io.Pipe()
	read := bufio.NewReader(from)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer told.Close()
		Run(t.Context(), c, l, slog.New(slog.NewTextHandler(told, nil)))
	}()
	for line, err := read.ReadString('\n'); !strings.Contains(line, "lines wait"); line, err = read.ReadString('\n') {
		fatal(t, err)
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	fatal(t, os.RemoveAll(c.Dir))
	_, got := packets(t, "unixgram", path)
	for _, want := range []string{"one", "two"} {
		if line := next(t, got); !strings.HasSuffix(line, " shop-web-1-g["+pid(line)+"]: "+want+"\n") {
			t.Errorf("came %q, want %s", line, want)
		}
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it goes on though the log is gone")
	}
}

func pid(line string) string {
	_, rest, _ := strings.Cut(line, "[")
	p, _, _ := strings.Cut(rest, "]")
	return p
}

// TestFluentd: the record is as Docker's driver makes it, with what is to go along.
func TestFluentd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fatal(t, err)
	defer func() { _ = l.Close() }()
	got := make(chan string, 10)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		for r := msgp.NewReader(bufio.NewReader(c)); ; {
			var b bytes.Buffer
			if _, err := r.CopyNext(&b); err != nil {
				return
			}
			var j bytes.Buffer
			if _, err := msgp.UnmarshalAsJSON(&j, b.Bytes()); err != nil && !errors.Is(err, msgp.ErrShortBytes) {
				got <- err.Error()
			}
			got <- j.String()
		}
	}()
	c := container(t)
	printed(t, c, 0, "one")
	running(t, c, spec.Logging{Driver: spec.LogFluentd, Forward: spec.Forward{
		Address: "tcp://" + l.Addr().String(), Tag: "docker.{{.Name}}", Labels: "com.example.team,none", Environment: "LEVEL",
	}})
	line := next(t, got)
	for _, want := range []string{
		`["docker.shop-web-1",1767323045,`, `"log":"one"`, `"source":"stdout"`, `"container_id":"shop-web-1-g1-abcdef"`,
		`"container_name":"/shop-web-1"`, `"com.example.team":"a"`, `"LEVEL":"3"`,
	} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	if strings.Contains(line, "SECRET") {
		t.Errorf("more goes along than is asked for: %s", line)
	}
}

func TestFieldNames(t *testing.T) {
	got := map[string]string{}
	for _, name := range []string{"com.example.team", "_x", "LEVEL", "é1"} {
		got[name] = fieldName(name)
	}
	if diff := cmp.Diff(map[string]string{"com.example.team": "COM_EXAMPLE_TEAM", "_x": "X", "LEVEL": "LEVEL", "é1": "1"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestNoLog: whose log is gone already, as when a stack goes down meanwhile, keeps
// nobody waiting.
func TestNoLog(t *testing.T) {
	c := container(t)
	fatal(t, os.RemoveAll(c.Dir))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	Run(ctx, c, spec.Logging{Driver: spec.LogSyslog}, slog.New(slog.DiscardHandler))
	if ctx.Err() != nil {
		t.Error("it waits for a log that will not come")
	}
}

// TestGivesUp: whose container is gone waits for a server for a while only.
func TestGivesUp(t *testing.T) {
	c := container(t)
	f := &forwarder{
		c: c, log: slog.New(slog.DiscardHandler), giveUp: time.Millisecond,
		l: spec.Logging{Driver: spec.LogSyslog, Forward: spec.Forward{Address: "unixgram://" + filepath.Join(c.Dir, "none")}},
	}
	fatal(t, os.RemoveAll(c.Dir))
	if err := f.forward(t.Context(), logs.Record{Time: begin}); !errors.Is(err, errGivenUp) {
		t.Errorf("error %v", err)
	}
}
