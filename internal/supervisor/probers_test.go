package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sync/semaphore"

	"stackup.dev/stackup/internal/health"
	"stackup.dev/stackup/internal/inspect"
)

func TestProbersFromOutside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("entering a network needs root")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ok" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	pid := os.Getpid()
	address := strings.TrimPrefix(server.URL, "http://")
	for _, tt := range []struct {
		name string
		got  func() (int, string, error)
		want int
	}{
		{"http", func() (int, string, error) { return httpProber{pid, server.URL + "/ok"}.Probe(t.Context(), func() {}) }, 0},
		{"http 503", func() (int, string, error) { return httpProber{pid, server.URL + "/"}.Probe(t.Context(), func() {}) }, 1},
		{"tcp", func() (int, string, error) { return tcpProber{pid, address}.Probe(t.Context(), func() {}) }, 0},
		{"tcp, nobody", func() (int, string, error) { return tcpProber{pid, "127.0.0.1:1"}.Probe(t.Context(), func() {}) }, 1},
	} {
		if code, out, err := tt.got(); code != tt.want || err != nil {
			t.Errorf("%s: %d %q %v, want %d", tt.name, code, out, err, tt.want)
		}
	}
}

func TestLogProber(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	line := func(at time.Time, text string) string {
		return at.Format("2006-01-02T15:04:05.000000000Z") + " stdout F " + text + "\n"
	}
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "log"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &logProber{dir: dir, pattern: "ready$", since: at}
	write(line(at.Add(-time.Hour), "ready"))
	if code, _, err := p.Probe(t.Context(), func() {}); code != 1 || err != nil {
		t.Errorf("a line of an earlier run: %d %v", code, err)
	}
	write(line(at.Add(time.Second), "it is ready"))
	if code, out, err := p.Probe(t.Context(), func() {}); code != 0 || out != "it is ready" || err != nil {
		t.Errorf("%d %q %v", code, out, err)
	}
	write("")
	if code, _, err := p.Probe(t.Context(), func() {}); code != 0 || err != nil {
		t.Errorf("forgotten: %d %v", code, err)
	}
}

// away is an engine that is not there.
type away struct{ Engine }

func (away) Exec(context.Context, string, inspect.Process) (int, error) {
	return 0, fmt.Errorf("exec: %w", errdefs.ErrUnavailable)
}

// TestProbeWithoutAnEngine: it is no result, and gives its turn back.
func TestProbeWithoutAnEngine(t *testing.T) {
	p := prober{engine: away{}, id: "web", argv: []string{"true"}, starts: semaphore.NewWeighted(1)}
	for range 2 {
		if err := p.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Probe(t.Context(), func() { t.Error("nothing has started") }); !errors.Is(err, health.ErrNoResult) {
			t.Errorf("%v", err)
		}
	}
}
