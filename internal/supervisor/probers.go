package supervisor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/health"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/logs"
)

// proberOf gives what probes a container; nil if nothing does.
func (s *Supervisor) proberOf(c inspect.Container) health.Prober {
	if c.Probe == nil || c.Probe.Disable {
		return nil
	}
	switch p := c.Probe.Probe; {
	case p.HTTP != "":
		return httpProber{c.PID, p.HTTP}
	case p.TCP != "":
		return tcpProber{c.PID, p.TCP}
	case p.Log != "":
		return &logProber{dir: filepath.Join(s.Dirs.Logs(), c.ID), pattern: p.Log, since: c.StartedAt}
	}
	if argv := command(c.Probe.Test); len(argv) > 0 {
		return prober{engine: s.Engine, id: c.ID, argv: argv, starts: s.starts}
	}
	return nil
}

// dialIn connects from within a process's network. The thread that has been there
// ends with its goroutine, as it cannot come back.
func dialIn(ctx context.Context, pid int, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		var r result
		if r.err = enterNetwork(pid); r.err == nil {
			var d net.Dialer
			r.conn, r.err = d.DialContext(ctx, "tcp", address)
		}
		done <- r
	}()
	r := <-done
	return r.conn, r.err
}

func enterNetwork(pid int) error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read from
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// tcpProber wants an address of the container's to take connections.
type tcpProber struct {
	pid     int
	address string
}

// Probe implements health.Prober.
func (p tcpProber) Probe(ctx context.Context, started func()) (int, string, error) {
	started()
	c, err := dialIn(ctx, p.pid, p.address)
	if err != nil {
		return 1, err.Error(), nil
	}
	return 0, "", c.Close()
}

// httpProber wants an answer of status 200 to 399.
type httpProber struct {
	pid int
	url string
}

// Probe implements health.Prober.
func (p httpProber) Probe(ctx context.Context, started func()) (int, string, error) {
	started()
	t := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, address string) (net.Conn, error) { return dialIn(ctx, p.pid, address) },
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // it is the container itself that is asked, by its address
	}
	client := http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return -1, "", err
	}
	r, err := client.Do(req)
	if err != nil {
		return 1, err.Error(), nil
	}
	defer func() { _ = r.Body.Close() }() // only read from
	body, _ := io.ReadAll(io.LimitReader(r.Body, health.MaxOutput))
	if r.StatusCode < 200 || r.StatusCode > 399 {
		return 1, r.Status + "\n" + string(body), nil
	}
	return 0, string(body), nil
}

// logProber wants a line of a container's output, of its present run; once that
// was there, all is well.
type logProber struct {
	dir, pattern string
	since        time.Time
	found        string
}

var errFound = errors.New("found")

// Probe implements health.Prober.
func (p *logProber) Probe(ctx context.Context, started func()) (int, string, error) {
	started()
	if p.found != "" {
		return 0, p.found, nil
	}
	pattern, err := regexp.Compile(p.pattern)
	if err != nil {
		return -1, "", err
	}
	err = logs.Read(ctx, []logs.Source{{ID: p.dir, Dir: p.dir}}, logs.Options{Tail: -1, Since: p.since}, func(_ logs.Source, r logs.Record) error {
		if pattern.Match(r.Text) {
			p.found = string(r.Text)
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return 0, p.found, nil
	}
	return 1, "no line matches " + p.pattern, err
}
