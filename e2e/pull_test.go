//go:build e2e

package e2e

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	ggcr "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"stackup.dev/stackup/internal/dev/ocipack"
	"stackup.dev/stackup/internal/dev/slowness"
)

// testRegistry is a registry on loopback. While slow is set, blobs come in
// drops.
type testRegistry struct {
	host string
	slow atomic.Bool
	sent atomic.Int64 // bytes in drops
}

func newRegistry(t *testing.T) *testRegistry {
	t.Helper()
	r := &testRegistry{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet || !strings.Contains(req.URL.Path, "/blobs/") {
			inner.ServeHTTP(w, req)
			return
		}
		if r.slow.Load() {
			w = dripping{w, &r.sent}
		}
		serveBlob(inner, w, req)
	}))
	t.Cleanup(srv.Close)
	r.host = strings.TrimPrefix(srv.URL, "http://")
	return r
}

// serveBlob knows open-ended ranges, by which a client resumes; inner does not.
func serveBlob(inner http.Handler, w http.ResponseWriter, req *http.Request) {
	whole := req.Clone(req.Context())
	whole.Header.Del("Range")
	rec := httptest.NewRecorder()
	inner.ServeHTTP(rec, whole)
	if rec.Code != http.StatusOK {
		w.WriteHeader(rec.Code)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(rec.Body.Bytes()))
}

// dripping passes 64 KiB every 50 ms.
type dripping struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (d dripping) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		time.Sleep(50 * time.Millisecond)
		var m int
		m, err = d.ResponseWriter.Write(p[:min(len(p), 64<<10)])
		n, p = n+m, p[m:]
		d.sent.Add(int64(m))
	}
	return n, err
}

// push makes an image of busybox with some ballast and pushes it.
func (r *testRegistry) push(t *testing.T, ref string, ballast int) string {
	t.Helper()
	bin, err := os.ReadFile("/bin/busybox")
	check(t, err)
	fill := make([]byte, ballast)
	_, err = rand.Read(fill)
	check(t, err)
	tar, err := ocipack.Files(
		ocipack.File{Name: "bin/", Mode: 0o755}, ocipack.File{Name: "bin/busybox", Mode: 0o755, Data: bin},
		ocipack.File{Name: "bin/sleep", Link: "busybox", Mode: 0o777}, ocipack.File{Name: "ballast", Mode: 0o644, Data: fill})
	check(t, err)
	content, err := io.ReadAll(tar)
	check(t, err)
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
	check(t, err)
	img, err := mutate.AppendLayers(empty.Image, layer)
	check(t, err)
	img, err = mutate.Config(img, ggcr.Config{Entrypoint: []string{"/bin/sleep"}, Cmd: []string{"1000"}, Env: []string{"PATH=/bin"}})
	check(t, err)
	full := fmt.Sprintf("%s/%s", r.host, ref)
	parsed, err := name.ParseReference(full)
	check(t, err)
	check(t, remote.Write(parsed, img))
	return full
}

// Intent: an image that is not there is planned as a pull, and pulled.
func TestPullFromARegistry(t *testing.T) {
	w := newWorld(t)
	reg := newRegistry(t)
	ref := reg.push(t, "app:1", 1000)
	w.file("stack.yaml", "services:\n  a: {image: \""+ref+"\", stop_grace_period: 0s}\n")
	if out := w.must("plan").out; !strings.Contains(out, "pull") || !strings.Contains(out, ref) {
		t.Errorf("plan shows no pull:\n%s", out)
	}
	w.must("up", "-d", "--wait")
	w.converged(1)
	w.must("down")
	w.must("images", "rm", ref)
}

// Intent: a pull that is killed leaves no image that looks complete, and the
// next run finishes it.
func TestKilledDuringPull(t *testing.T) {
	w := newWorld(t)
	reg := newRegistry(t)
	ref := reg.push(t, "big:"+string(w.kind), 4<<20)
	w.file("stack.yaml", "services:\n  a: {image: \""+ref+"\", stop_grace_period: 0s}\n")
	for _, after := range []int64{64 << 10, 1 << 20} { // bytes
		reg.slow.Store(true)
		already := reg.sent.Load()
		c := w.cmd("up", "-d")
		check(t, c.Start())
		w.eventually("a part is here", func() bool { return reg.sent.Load()-already >= after })
		c.Process.Signal(syscall.SIGKILL)
		c.Wait()
		reg.slow.Store(false)
		if out := w.must("images", "ls").out; strings.Contains(out, "big") {
			t.Errorf("killed after %d bytes, the image looks complete:\n%s", after, out)
		}
	}
	w.must("up", "-d", "--wait")
	w.converged(1)
	w.must("down")
	w.must("images", "rm", ref)
}

// Intent: Ctrl-C during a pull ends the command soon, with nothing half-made.
func TestInterruptDuringPull(t *testing.T) {
	w := newWorld(t, only(embedded))
	reg := newRegistry(t)
	ref := reg.push(t, "big:1", 4<<20)
	reg.slow.Store(true)
	w.file("stack.yaml", "services:\n  a: {image: \""+ref+"\"}\n")
	c := w.cmd("up", "-d")
	check(t, c.Start())
	w.eventually("a part is here", func() bool { return reg.sent.Load() > 0 })
	start := slowness.Given()
	c.Process.Signal(syscall.SIGINT)
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != 130 || slowness.Given()-start > allow(3*time.Second) {
		t.Errorf("exit %d after %s, want 130 soon", code, slowness.Given()-start)
	}
	w.must("down")
}
