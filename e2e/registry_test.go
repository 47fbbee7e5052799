//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// lockedRegistry is one on loopback with TLS, that asks for a name and a password.
func lockedRegistry(t *testing.T) (host string, certificate []byte) {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, password, _ := req.BasicAuth(); user != "anna" || password != canarySecret {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, req)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that are refused on purpose
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "https://"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
}

// Intent: what is built here is pushed to a registry behind a name of its own
// (hosts.toml), with TLS and a password, and pulled from there.
func TestPushAndPullThroughAMirror(t *testing.T) {
	w := newWorld(t, slowly())
	w.mayKeepBuildCache()
	host, certificate := lockedRegistry(t)
	ref := "blocked.stackup.test/team/app:" + string(w.kind)
	w.file("Dockerfile", "FROM stackup.test/busybox:1\nRUN echo pushed > /mark\n")
	w.file("stack.yaml", "services:\n  a: {image: \""+ref+"\", build: ., command: [sleep, \"100000\"], stop_grace_period: 0s}\n")
	dir := filepath.Join(w.root(), "certs.d/blocked.stackup.test")
	check(t, os.MkdirAll(dir, 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte("server = \"https://"+host+"\"\n[host.\"https://"+host+"\"]\n  capabilities = [\"pull\", \"resolve\", \"push\"]\n  ca = \"ca.pem\"\n"), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "ca.pem"), certificate, 0o600))
	w.must("build", "-q")
	if r := w.run("push"); r.code != 1 || !strings.Contains(r.err, "no basic auth credentials") {
		t.Errorf("push without a password: exit %d\n%s", r.code, r.err)
	}
	auth := base64.StdEncoding.EncodeToString([]byte("anna:" + canarySecret))
	check(t, os.MkdirAll(filepath.Join(w.dir, ".docker"), 0o700))
	check(t, os.WriteFile(filepath.Join(w.dir, ".docker/config.json"), []byte(`{"auths": {"`+host+`": {"auth": "`+auth+`"}}}`), 0o600))
	if r := w.must("push"); !strings.Contains(r.err, "Pushed") || strings.Contains(r.err, canarySecret) {
		t.Errorf("push:\n%s", r.err)
	}
	w.must("images", "rm", ref)
	w.file("stack.yaml", "services:\n  a: {image: \""+ref+"\", command: [sleep, \"100000\"], stop_grace_period: 0s}\n")
	w.must("up", "-d")
	w.inside("a", map[string]string{"cat /mark": "pushed"})
	w.must("down")
	w.must("images", "rm", ref)
	check(t, os.Remove(filepath.Join(dir, "ca.pem")))
	check(t, os.WriteFile(filepath.Join(dir, "hosts.toml"), []byte("server = \"https://"+host+"\"\n[host.\"https://"+host+"\"]\n  capabilities = [\"pull\", \"resolve\"]\n  skip_verify = false\n"), 0o600))
	if r := w.run("up", "-d"); r.code != 1 || !strings.Contains(r.err, "certificate") {
		t.Errorf("a certificate that nobody vouches for: exit %d\n%s", r.code, r.err)
	}
	check(t, os.RemoveAll(filepath.Join(w.root(), "certs.d")))
}
