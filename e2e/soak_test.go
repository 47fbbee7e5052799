//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soakStack has 30 services: steady ones, some that crash for ever or a few
// times, some that end, flapping and failing health, floods of output, and
// clients that end if a name is not found twice in a row, or a connection breaks.
const soakStack = `
x-base: &base {image: "stackup.test/busybox:1", stop_grace_period: 0s}
x-steady: &steady {<<: *base, restart: always}
x-crash: &crash {<<: *base, restart: always, command: ["sh", "-c", "echo up; sleep $$(($$(cat /proc/sys/kernel/random/uuid | tr -dc 0-9 | head -c 2 | sed 's/^0//') % 9)); exit 3"]}
x-few: &few {<<: *base, restart: "on-failure:3", command: ["sh", "-c", "sleep 1; exit 4"]}
x-done: &done {<<: *base, restart: on-failure, command: ["true"]}
x-over: &over {<<: *base, command: ["false"]}
x-flap: &flap
  <<: *steady
  command: ["sh", "-c", "while :; do touch /ok; sleep 7; rm /ok; sleep 7; done"]
  healthcheck: {test: ["CMD", "test", "-e", "/ok"], interval: 1s, timeout: 2s, retries: 2}
x-ill: &ill
  <<: *steady
  command: ["sh", "-c", "touch /tmp/ok; sleep 20; rm /tmp/ok; sleep 1000000"]
  healthcheck: {test: ["CMD", "test", "-e", "/tmp/ok"], interval: 1s, timeout: 2s, retries: 3}
  x-stackup: {restart_unhealthy: true}
x-flood: &flood
  <<: *steady
  command: ["sh", "-c", "while :; do yes a line of a flood that nobody reads | head -n 400000; sleep 30; done"]
  logging: {options: {max-size: 1m, max-file: "2"}}
x-asks: &asks
  <<: *base
  command: ["sh", "-c", "while sleep 0.5; do nslookup many >/dev/null || nslookup many || exit 1; done"]
services:
  web: {<<: *steady, command: ["httpd", "-f", "-h", "/www"], ports: ["127.0.0.1:18099:80"], x-stackup: {probe: {http: "http://:80/"}}, healthcheck: {interval: 1s}}
  many: {<<: *steady, scale: 3}
  db: {<<: *steady, healthcheck: {test: ["CMD", "true"], interval: 1s}, volumes: ["data:/data"], command: ["sh", "-c", "while :; do date > /data/now; sleep 1; done"]}
  app: {<<: *steady, depends_on: {db: {condition: service_healthy}}}
  hears: {<<: *base, command: ["sh", "-c", "nc -ll -p 7000 -e cat"], healthcheck: ` + listens + `}
  says: {<<: *base, depends_on: {hears: {condition: service_healthy}}, command: ["sh", "-c", "(while echo beat; do sleep 1; done) | nc hears 7000 > /dev/null; exit 1"]}
  asks-a: *asks
  asks-b: *asks
  steady-a: *steady
  steady-b: *steady
  steady-c: *steady
  crash-a: *crash
  crash-b: *crash
  crash-c: *crash
  crash-d: *crash
  crash-e: *crash
  few-a: *few
  few-b: *few
  done-a: *done
  done-b: *done
  over-a: *over
  over-b: *over
  flap-a: *flap
  flap-b: *flap
  flap-c: *flap
  ill-a: *ill
  ill-b: *ill
  flood-a: *flood
  flood-b: *flood
  flood-c: *flood
volumes: {data: {}}
`

// lasting sets length from a variable of the environment, and leaves the test out if
// that is not set.
func lasting(length *time.Duration, variable string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		d, err := time.ParseDuration(os.Getenv(variable))
		if err != nil {
			t.Skip("set " + variable + " to a duration, as 2h, to run it")
		}
		*length = d
	}
}

// Intent: for hours, and whatever dies, every service is in the state that its
// policy demands, and nothing grows. Run by hand: STACKUP_SOAK says for how
// long (2h), E2E_ENGINE on which engine (embedded); the record is docs/soak.md.
func TestSoak(t *testing.T) {
	var length time.Duration
	w := newWorld(t, beneath(lasting(&length, "STACKUP_SOAK")))
	w.file("stack.yaml", soakStack)
	w.must("up", "-d")
	s := &soak{w: w, begin: time.Now()}
	s.run(length, soakKills)
	w.settles("not as the policies demand", w.unlike)
	s.flat()
	w.get("http://127.0.0.1:18099/")
	w.must("down", "-v")
}

// Intent: a hundred containers that are probed every second leave nothing behind
// in an hour: no zombie, no descriptor, no memory. Run by hand: STACKUP_HEALTH_SOAK
// says for how long (1h); the record is docs/soak.md.
func TestHealthSoak(t *testing.T) {
	var length time.Duration
	w := newWorld(t, only(embedded), beneath(lasting(&length, "STACKUP_HEALTH_SOAK")))
	w.file("stack.yaml", `
services:
  probed:
    image: stackup.test/busybox:1
    scale: 100
    healthcheck: {test: ["CMD-SHELL", "echo fine; sleep 0.01"], interval: 1s, timeout: 30s}
    stop_grace_period: 0s
`)
	up := w.timed(10*time.Minute, "up", "-d") // probes of those that run already leave it little of the machine
	if r := runCmd(t, up); r.code != 0 {
		t.Fatalf("up: exit %d\n%s", r.code, tail([]byte(r.err), 1500))
	}
	s := &soak{w: w, begin: time.Now()}
	s.run(length, nil)
	w.settles("not healthy", func() (out []string) {
		for name, row := range w.ps() {
			if row.Health != "healthy" {
				out = append(out, name+" "+row.Status)
			}
		}
		return out
	})
	s.flat()
	w.must("down")
}

// soak is one run: what was measured, and what was killed.
type soak struct {
	w       *world
	begin   time.Time
	samples []map[string]int
	killed  map[string]int
}

// soakKills says who is killed every how many minutes.
var soakKills = map[string]int{"supervisor": 13, "logger": 11, "engine": 5}

func (s *soak) run(length time.Duration, kills map[string]int) {
	s.killed = map[string]int{}
	for minute := 1; time.Since(s.begin) < length; minute++ {
		time.Sleep(time.Until(s.begin.Add(time.Duration(minute) * time.Minute)))
		s.measure(minute)
		for who, every := range kills {
			if minute%every == 0 {
				s.kill(who)
			}
		}
	}
	time.Sleep(30 * time.Second) // back-off and health come to rest
}

// kill ends a helper or the engine as the kernel would; the engine comes back
// by the next command, as after a crash.
func (s *soak) kill(who string) {
	s.killed[who]++
	if who != "engine" {
		check(s.w.t, syscall.Kill(s.w.helper(who), syscall.SIGKILL))
		return
	}
	s.w.killEngine(syscall.SIGKILL)
	s.w.engineBack()
}

// measure takes a sample of all that could grow, and prints it.
func (s *soak) measure(minute int) {
	m := map[string]int{}
	for name, pid := range map[string]int{"supervisor": s.w.helper("supervisor"), "logger": s.w.helper("logger"), "engine": s.w.enginePID()} {
		m[name+" KiB"], m[name+" threads"] = status(pid, "RssAnon:"), status(pid, "Threads:")
		fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)) // gone: the next minute tells
		m[name+" fds"] = len(fds)
	}
	m["mounts"], m["processes"], m["zombies"] = len(mountsBelow(s.w.dir)), len(s.w.allProcesses()), zombies()
	m["rules"], m["links"] = lines("nft", "list", "ruleset"), lines("ip", "-o", "link")
	m["log KiB"], m["disk KiB"] = diskUse(filepath.Join(s.w.root(), "logs")), diskUse(s.w.dir)
	s.samples = append(s.samples, m)
	var line []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		line = append(line, fmt.Sprintf("%s %d", k, m[k]))
	}
	fmt.Printf("soak minute %d, killed %v: %s\n", minute, s.killed, strings.Join(line, ", "))
}

// flat compares the second quarter of the run with the last: by medians, as a
// process that was just started has less.
func (s *soak) flat() {
	n := len(s.samples)
	if n < 8 {
		return // too short to say anything
	}
	for what := range s.samples[0] {
		early, late := median(s.samples[n/4:n/2], what), median(s.samples[n*3/4:], what)
		if late > early+early/5+slack(what) {
			s.w.t.Errorf("%s grew: %d, then %d", what, early, late)
		}
	}
}

// slack is what a number may differ without growth.
func slack(what string) int {
	switch {
	case strings.HasSuffix(what, "KiB"):
		return 4096
	case what == "processes", strings.HasSuffix(what, "fds"):
		return 12 // probes and restarts under way
	}
	return 4
}

// unlike lists the services that are not as their policy demands.
func (w *world) unlike() (out []string) {
	rows := w.ps("-a")
	for name, row := range rows {
		kind, _, _ := strings.Cut(row.Service, "-")
		want, ok := map[string]string{"few": "exited 4", "done": "exited 0", "over": "exited 1"}[kind]
		if !ok {
			want = "running 0"
		}
		got := fmt.Sprintf("%s %d", row.State, row.ExitCode)
		if kind == "crash" && (row.State == "restarting" || row.State == "exited") {
			continue // between two runs
		}
		if got != want {
			out = append(out, fmt.Sprintf("%s: %s, want %s (%s)", name, got, want, row.Status))
		}
	}
	if len(rows) != 32 {
		out = append(out, fmt.Sprintf("%d containers, want 32", len(rows)))
	}
	return out
}
