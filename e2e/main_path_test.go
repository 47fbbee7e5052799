//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// get fetches a page; the server may need a moment to listen.
func (w *world) get(url string) string {
	w.t.Helper()
	var body string
	w.eventually("GET "+url, func() bool {
		ctx, cancel := within(2 * time.Second).context()
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		check(w.t, err)
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		r, err := c.Do(req)
		if err != nil {
			return false
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		body = string(b)
		return err == nil && r.StatusCode == http.StatusOK
	})
	return body
}

// Intent: a new user's first stack serves a page, and is gone after down.
func TestNginxServesOnItsPort(t *testing.T) {
	w := newWorld(t, onEveryEngine())
	w.must("images", "load", nginxImage)
	w.must("engine", "status")
	w.file("site/index.html", "<h1>from the site folder</h1>")
	w.file("stack.yaml", `
services:
  web:
    image: docker.io/library/nginx
    ports: ["18080:80"]
    volumes: ["./site:/usr/share/nginx/html:ro"]
    healthcheck: {test: ["CMD-SHELL", "curl -fsS http://localhost/ >/dev/null"], interval: 1s, start_interval: 100ms, start_period: 10s}
  any:
    image: docker.io/library/nginx
    ports: ["80"]
`)
	w.must("up", "-d", "--wait")
	if got := w.get("http://127.0.0.1:18080/"); !strings.Contains(got, "from the site folder") {
		t.Errorf("page: %q", got)
	}
	ps := w.ps()
	if h := ps["web.1"].Health; h != "healthy" {
		t.Errorf("health of web: %q, want healthy", h)
	}
	pubs := ps["any.1"].Publishers
	if len(pubs) != 1 || pubs[0].PublishedPort == 0 {
		t.Fatalf("publishers of any: %v, want one random port", pubs)
	}
	w.get(fmt.Sprintf("http://127.0.0.1:%d/", pubs[0].PublishedPort))
	for network, ip := range ps["web.1"].Addresses {
		t.Logf("%s: %s", network, ip)
		w.get("http://" + ip + "/")
	}
	for _, ip := range hostAddresses(t) {
		w.get("http://" + ip + ":18080/")
	}
	if out := w.must("logs", "web").out; !strings.Contains(out, "GET / HTTP/1.1") {
		t.Errorf("logs do not have the request:\n%s", out)
	}
	w.must("down")
}

// Intent: an edit is planned down to the field, and touches nothing else.
func TestEditRecreatesThatServiceOnly(t *testing.T) {
	w := newWorld(t)
	stack := `
services:
  a: {image: stackup.test/busybox:1, environment: {LEVEL: info, DB_PASSWORD: hunter-old}, stop_grace_period: 0s}
  b: {image: stackup.test/busybox:1, environment: {LEVEL: info}, stop_grace_period: 0s}
`
	w.file("stack.yaml", stack)
	if r := w.run("plan", "--exit-code"); r.code != 2 {
		t.Errorf("plan --exit-code of a new stack: %d, want 2\n%s%s", r.code, r.out, r.err)
	}
	w.must("up", "-d")
	first := w.ps()
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		t.Errorf("plan --exit-code after up: %d, want 0\n%s%s", r.code, r.out, r.err)
	}
	w.must("up", "-d")
	if now := w.ps(); now["a.1"].ID != first["a.1"].ID || now["b.1"].ID != first["b.1"].ID {
		t.Errorf("a second up replaced containers: %v, was %v", now, first)
	}
	w.file("stack.yaml", strings.Replace(stack, "LEVEL: info, DB_PASSWORD: hunter-old", "LEVEL: debug, DB_PASSWORD: hunter-new", 1))
	r := w.run("plan", "--exit-code")
	if r.code != 2 || !strings.Contains(r.out, `environment.LEVEL: "info" -> "debug"`) {
		t.Errorf("plan (exit %d) does not name the field:\n%s%s", r.code, r.out, r.err)
	}
	if strings.Contains(r.out, "hunter") {
		t.Errorf("plan shows a secret-looking value:\n%s", r.out)
	}
	if fields := planFields(t, w); strings.Join(fields, " ") != "environment.DB_PASSWORD environment.LEVEL" {
		t.Errorf("fields of the plan: %v", fields)
	}
	w.must("up", "-d")
	now := w.ps()
	if now["a.1"].ID == first["a.1"].ID || now["b.1"].ID != first["b.1"].ID {
		t.Errorf("after the edit: %v, before: %v", now, first)
	}
	if out := w.must("exec", "-T", "a", "env").out; !strings.Contains(out, "LEVEL=debug") {
		t.Errorf("environment of a: %s", out)
	}
	w.must("down")
}

// planFields are the fields that plan --json gives as reasons.
func planFields(t *testing.T, w *world) (out []string) {
	t.Helper()
	var p struct {
		Steps []struct {
			Reason struct {
				Fields []struct{ Field string }
			}
		}
	}
	check(t, json.Unmarshal([]byte(w.must("plan", "--json").out), &p))
	seen := map[string]bool{}
	for _, s := range p.Steps {
		for _, f := range s.Reason.Fields {
			if !seen[f.Field] {
				seen[f.Field] = true
				out = append(out, f.Field)
			}
		}
	}
	return out
}

// Intent: scaling up and down leaves the first replica untouched.
func TestScaleLeavesTheFirstReplica(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", "services:\n  web: {image: stackup.test/busybox:1, stop_grace_period: 0s}\n")
	w.must("up", "-d")
	first := w.ps()["web.1"].ID
	w.must("up", "-d", "--scale", "web=3")
	if ps := w.ps(); len(ps) != 3 || ps["web.1"].ID != first {
		t.Errorf("after --scale web=3: %v", ps)
	}
	w.must("up", "-d")
	if ps := w.ps(); len(ps) != 1 || ps["web.1"].ID != first {
		t.Errorf("back at one replica: %v", ps)
	}
	w.must("down")
}

// Intent: the rest of what is honoured reaches the process.
func TestAttributesReachTheProcess(t *testing.T) {
	w := newWorld(t)
	w.file("app.env", "FROM_FILE=yes\nBOTH=file\n")
	w.file(".env", "STACKUP_MODEL_RUNNER=http://192.0.2.1:12434/v1\n")
	w.file("bound.txt", "bound content")
	w.file("stack.yaml", `
services:
  db:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "touch /tmp/ready; exec sleep 1000"]
    healthcheck: {test: ["CMD", "cat", "/tmp/ready"], interval: 1s, start_interval: 100ms, start_period: 5s}
    networks: {back: {aliases: [database]}}
    stop_grace_period: 0s
  job:
    image: stackup.test/busybox:1
    command: ["sh", "-c", "echo done > /data/job"]
    volumes: ["data:/data"]
    networks: [back]
  web:
    image: stackup.test/busybox:1
    container_name: my-web
    hostname: webhost
    user: app
    working_dir: /tmp
    read_only: true
    init: true
    entrypoint: ["sh", "-c"]
    command: ["echo started; exec sleep 1000"]
    environment: {BOTH: stack}
    env_file: app.env
    models: [llm]
    tmpfs: /scratch
    stop_signal: SIGTERM
    stop_grace_period: 1s
    labels: {team: shop}
    volumes: ["data:/data:ro", "./bound.txt:/bound.txt:ro", "/anon"]
    networks: [back, front]
    depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully}}
volumes: {data: {}}
networks: {back: {}, front: {}}
models: {llm: {model: ai/small}}
`)
	w.must("up", "-d", "--wait")
	w.inside("web", map[string]string{
		"echo $FROM_FILE $BOTH":                "yes stack",
		"echo $LLM_URL $LLM_MODEL":             regexp.QuoteMeta("http://192.0.2.1:12434/v1 ai/small"),
		"id -u; id -G":                         "1000\n1000 2000",
		"hostname":                             "webhost",
		"ls -d /proc/self/cwd/.":               regexp.QuoteMeta("/proc/self/cwd/."),
		"cat /data/job":                        "done",
		"cat /bound.txt":                       "bound content",
		"touch /x 2>/dev/null || echo ro":      "ro",
		"touch /scratch/x && echo rw":          "rw",
		"touch /data/x 2>/dev/null || echo ro": "ro",
		"cat /proc/1/cmdline | head -c 18":     "/sbin/stackup-init",
		"ls /sys/class/net | grep -c eth":      "2",
	})
	for _, name := range []string{"db", "database"} {
		if r := w.run("exec", "-T", "web", "sh", "-c", "grep -w "+name+" /etc/hosts"); r.code != 0 {
			t.Errorf("web does not know %s: %s", name, w.must("exec", "-T", "web", "cat", "/etc/hosts").out)
		}
	}
	if ps := w.ps(); ps["web.1"].Name != "my-web" {
		t.Errorf("container_name: %v", ps["web.1"].Name)
	}
	if r := w.run("plan", "--exit-code"); r.code != 0 {
		t.Errorf("plan after up: exit %d\n%s", r.code, r.out)
	}
	w.must("down")
	if _, err := os.Stat(filepath.Join(w.root(), "volumes/shop_data/_data/job")); err != nil {
		t.Errorf("down without -v lost the volume: %v", err)
	}
	w.must("down", "-v")
}

// Intent: a container comes back as its policy says, and stays down when told.
func TestRestartPolicy(t *testing.T) {
	w := newWorld(t)
	w.file("stack.yaml", `
services:
  always: {image: stackup.test/busybox:1, command: ["sh", "-c", "echo up; sleep 0.3; exit 3"], restart: always, stop_grace_period: 0s}
  thrice: {image: stackup.test/busybox:1, command: ["sh", "-c", "echo up; exit 3"], restart: "on-failure:2", stop_grace_period: 0s}
  never: {image: stackup.test/busybox:1, command: ["sh", "-c", "echo up; exit 3"]}
`)
	w.must("up", "-d")
	count := func(service string) int {
		return strings.Count(w.must("logs", "--no-log-prefix", service).out, "up\n")
	}
	w.eventually("always comes back", func() bool { return count("always") >= 3 })
	w.eventually("on-failure:2 comes back twice", func() bool { return count("thrice") == 3 })
	more := count("always") + 2
	w.eventually("always comes back twice more", func() bool { return count("always") >= more })
	if n := count("thrice"); n != 3 {
		t.Errorf("on-failure:2 ran %d times, want 3", n)
	}
	if n := count("never"); n != 1 {
		t.Errorf("restart: no ran %d times, want 1", n)
	}
	for name, want := range map[string]psRow{"thrice.1": {State: "exited", ExitCode: 3, Restarts: 2, LastExitCode: 3}, "never.1": {State: "exited", ExitCode: 3, LastExitCode: 3}} {
		p := w.ps("-a")[name]
		if p.State != want.State || p.ExitCode != want.ExitCode || p.Restarts != want.Restarts || p.LastExitCode != want.LastExitCode {
			t.Errorf("%s: %+v, want %+v", name, p, want)
		}
	}
	if p := w.ps("-a")["always.1"]; p.Restarts < 2 || p.LastExitCode != 3 || p.State != "running" && p.State != "restarting" {
		t.Errorf("always: %+v", p)
	}
	w.eventually("the table tells of restarts", func() bool {
		return regexp.MustCompile(`Up .*, \d+ restarts, last exit 3|Restarting \(3\) `).MatchString(w.must("ps", "-a", "always").out)
	})
	w.must("down")
}
