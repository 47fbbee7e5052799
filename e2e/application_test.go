//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const guestbookURL = "http://127.0.0.1:18081/"

// Intent: an application of real programs, as its example has it: nginx, an
// application server in a built image, PostgreSQL, Redis, a migration. What is
// in its volume outlives down, and goes with down -v.
func TestApplication(t *testing.T) {
	w := newWorld(t, slowly())
	for _, name := range []string{"nginx", "postgres", "redis", "python"} {
		w.must("images", "load", filepath.Join(repo, "build", name+"-image.tar"))
	}
	w.mayKeepBuildCache()
	check(t, os.CopyFS(w.project, os.DirFS(filepath.Join(repo, "examples/guestbook"))))
	w.file("db_password.txt", canarySecret+"\n")
	w.env = append(w.env, "PORT=18081")

	w.must("up", "-d", "--wait")
	w.page("views: 1")
	w.write("the first entry")
	w.write("one with <b>")
	w.page("1: the first entry", "2: one with &lt;b&gt;", "views: 2")
	w.migrated("0 -> 2")
	w.apart()
	w.nowhere(canarySecret)

	before := w.ps("-a")
	if r := w.must("up", "-d", "--wait"); strings.Contains(r.out+r.err, "create") {
		t.Errorf("a second up makes things:\n%s%s", r.out, r.err)
	}
	w.unchanged("after up")
	for name, p := range w.ps("-a") {
		if before[name].ID != p.ID {
			t.Errorf("the second up has replaced %s", name)
		}
	}

	w.must("down")
	w.must("up", "-d", "--wait")
	w.page("1: the first entry", "2: one with &lt;b&gt;", "views: 1")
	w.migrated("2 -> 2")
	w.write("the third entry")
	w.page("3: the third entry", "views: 2")
	w.must("down", "-v")
	if left := w.must("volumes", "ls", "-q").out; left != "" {
		t.Errorf("down -v left volumes: %s", left)
	}
}

// page wants the application's page with all of that on it, through nginx.
func (w *world) page(want ...string) {
	w.t.Helper()
	got := w.get(guestbookURL)
	for _, text := range want {
		if !strings.Contains(got, text) {
			w.t.Errorf("no %q on the page:\n%s", text, got)
		}
	}
}

// write adds an entry to the guest book.
func (w *world) write(text string) {
	w.t.Helper()
	ctx, cancel := within(20 * time.Second).context()
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, guestbookURL, strings.NewReader(text))
	check(w.t, err)
	r, err := http.DefaultClient.Do(req)
	check(w.t, err)
	defer r.Body.Close()
	if r.StatusCode != http.StatusCreated {
		w.t.Errorf("POST: %s", r.Status)
	}
}

// migrated wants the last migration to have gone from one version to another,
// and to have ended before the application began.
func (w *world) migrated(versions string) {
	w.t.Helper()
	if out := w.must("logs", "--no-log-prefix", "migrate").out; out != fmt.Sprintf("database: version %s\n", versions) {
		w.t.Errorf("migrate: %q, want %s", out, versions)
	}
	if p := w.ps("-a")["migrate.1"]; p.State != "exited" || p.ExitCode != 0 {
		w.t.Errorf("migrate: %s (%d)", p.State, p.ExitCode)
	}
}

// apart looks inside: the password is in memory alone, the application has a
// user without powers and nowhere to write, and nginx is on one network only.
func (w *world) apart() {
	w.t.Helper()
	w.inside("app", map[string]string{
		"cat /run/secrets/db_password":                                                    canarySecret,
		"case $(env) in *" + canarySecret + "*) echo 1;; *) echo 0;; esac":                "0",
		"id -u; while read k v; do [ $k != CapEff: ] || echo $v; done </proc/self/status": `1000\n0+`,
		"touch /app/x 2>/dev/null || echo read-only":                                      "read-only",
	})
	w.inside("db", map[string]string{
		"id -un; ls -ld /var/lib/postgresql/data | cut -c1-10":  "postgres\ndrwx------",
		"df -k /dev/shm | tail -n1 | tr -s ' ' | cut -d' ' -f2": "131072",
	})
	ps := w.ps()
	for service, want := range map[string][]string{"web": {"front"}, "app": {"back", "front"}, "db": {"back"}} {
		var got []string
		for name := range ps[service+".1"].Addresses {
			got = append(got, strings.TrimPrefix(name, "shop_"))
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			w.t.Errorf("%s is on %v, want %v", service, got, want)
		}
	}
	for _, address := range ps["db.1"].Addresses {
		knock := "timeout 2 bash -c 'exec 3<>/dev/tcp/" + address + "/5432' 2>/dev/null && echo open || echo shut"
		w.inside("app", map[string]string{knock: "open"})
		w.inside("web", map[string]string{knock: "shut"})
	}
}
