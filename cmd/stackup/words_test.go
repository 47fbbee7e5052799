package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func shop() *spec.Stack {
	return &spec.Stack{
		Name: "shop", Disabled: []string{"debug"},
		Services: []spec.Service{
			{Name: "db", Image: "img", Replicas: 1, ContainerName: "the-db"},
			{Name: "web", Image: "img", Replicas: 1},
		},
		Networks: []spec.Network{{Key: "front", Name: "shop_front"}},
		Volumes:  []spec.Volume{{Key: "data", Name: "shop_data"}},
	}
}

func TestScale(t *testing.T) {
	tests := []struct {
		name   string
		wishes []string
		want   int // replicas of web
		err    string
	}{
		{"no wish", nil, 1, ""},
		{"more", []string{"web=3"}, 3, ""},
		{"none", []string{"web=0"}, 0, ""},
		{"the last wish counts", []string{"web=3", "web=2"}, 2, ""},
		{"the most there may be", []string{"web=10"}, 10, ""},
		{"too many", []string{"web=11"}, 1, `--scale "web=11": must be SERVICE=N with N from 0 to 10`},
		{"negative", []string{"web=-1"}, 1, "must be SERVICE=N"},
		{"no number", []string{"web"}, 1, "must be SERVICE=N"},
		{"not a number", []string{"web=two"}, 1, "must be SERVICE=N"},
		{"unknown service", []string{"wbe=2"}, 1, "no such service: wbe"},
		{"one name for two containers", []string{"db=2"}, 1, "container_name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := shop()
			err := scale(s, tt.wishes, 10)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if got := s.Service("web").Replicas; got != tt.want {
				t.Errorf("%d replicas, want %d", got, tt.want)
			}
		})
	}
}

func TestLines(t *testing.T) {
	for in, want := range map[string]int{"all": -1, "0": 0, "20": 20} {
		if n, err := lines(in); n != want || err != nil {
			t.Errorf("%q: %d, %v", in, n, err)
		}
	}
	for _, in := range []string{"", "-1", "ten", "1.5", "ALL"} {
		if n, err := lines(in); err == nil || !strings.Contains(err.Error(), "--tail") {
			t.Errorf("%q: %d, %v", in, n, err)
		}
	}
}

func TestServices(t *testing.T) {
	if err := services(shop(), []string{"web", "debug"}); err != nil {
		t.Error(err)
	}
	if err := services(shop(), []string{"wbe"}); err == nil || err.Error() != "no such service: wbe" {
		t.Error(err)
	}
	if err := services(app.Down("shop"), []string{"any"}); err != nil { // without a file nobody knows
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	name := names(shop())
	for want, ref := range map[string]planner.Ref{
		"Container shop-web-2": {Kind: planner.KindContainer, Name: "web", Index: 2},
		"Container the-db":     {Kind: planner.KindContainer, Name: "db", Index: 1},
		"Container shop-old-1": {Kind: planner.KindContainer, Name: "old", Index: 1}, // an orphan
		"Network shop_front":   {Kind: planner.KindNetwork, Name: "front"},
		"Network other":        {Kind: planner.KindNetwork, Name: "other"},
		"Volume shop_data":     {Kind: planner.KindVolume, Name: "data"},
		"Image img":            {Kind: planner.KindImage, Name: "img"},
	} {
		if got := name(ref); got != want {
			t.Errorf("%v: %q, want %q", ref, got, want)
		}
	}
}

func TestStateWord(t *testing.T) {
	tests := []struct {
		task          planner.TaskState
		started, lost bool
		want          string
	}{
		{planner.TaskRunning, true, false, "running"},
		{planner.TaskPaused, true, false, "paused"},
		{planner.TaskCreated, false, false, "created"},
		{planner.TaskStopped, true, false, "exited"},
		{planner.TaskNone, true, false, "exited"},
		{planner.TaskNone, false, true, "exited"},
		{planner.TaskNone, false, false, "created"},
	}
	for _, tt := range tests {
		c := inspect.Container{Container: planner.Container{Task: tt.task}, Desired: labels.DesiredRunning, Lost: tt.lost}
		if tt.started {
			c.StartedAt = time.Now()
		}
		if got := stateWord(c); got != tt.want {
			t.Errorf("task %s, started %t, lost %t: %s, want %s", tt.task, tt.started, tt.lost, got, tt.want)
		}
	}
}

// TestWhatIsBeingStarted is restarting where its policy does so, and else not yet more
// than created: nothing has exited.
func TestWhatIsBeingStarted(t *testing.T) {
	c := inspect.Container{Container: planner.Container{Task: planner.TaskNone}, StartedAt: time.Now(), Starting: true}
	if got := stateWord(c); got != "created" {
		t.Errorf("at its first start: %s", got)
	}
	c.Restarts.Total = 1
	if got := stateWord(c); got != "restarting" {
		t.Errorf("by its policy: %s", got)
	}
}

// TestWhatComesBackIsRestarting: but not what was stopped by hand.
func TestWhatComesBackIsRestarting(t *testing.T) {
	c := inspect.Container{Container: planner.Container{Task: planner.TaskStopped, ExitCode: 1}, Desired: labels.DesiredRunning}
	c.Service.Restart.Policy = spec.RestartOnFailure
	if got := stateWord(c); got != "restarting" {
		t.Errorf("by its policy: %s", got)
	}
	c.Desired = labels.DesiredStopped
	if got := stateWord(c); got != "exited" {
		t.Errorf("stopped by hand: %s", got)
		// Between the end of one task and the start of the next there is none.
		c = inspect.Container{StartedAt: time.Now(), Container: planner.Container{Task: planner.TaskNone, ExitCode: 5}, Desired: labels.DesiredRunning}
		c.ExitedAt = c.StartedAt.Add(time.Second)
		c.Service.Restart = spec.Restart{Policy: spec.RestartOnFailure, MaxRetries: 1}
		if got := stateWord(c); got != "restarting" {
			t.Errorf("about to start again: %s", got)
		}
		c.Restarts.Total = 1
		if got := stateWord(c); got != "exited" {
			t.Errorf("after its last try: %s", got)
		}
	}
}

func TestPsRow(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	c := inspect.Container{
		Container: planner.Container{
			ID: "id", Ref: planner.Ref{Name: "web", Index: 2}, Name: "shop-web-2", Digest: "sha256:d",
			Task: planner.TaskRunning, Health: planner.HealthHealthy, ExitCode: 3,
		},
		Stack: "shop", Image: "img", Args: []string{"nginx", "-g"}, Created: at(1), StartedAt: at(2), ExitedAt: at(3),
		Restarts: restart.Count{Total: 4, Quick: 1, Exit: 9}, Addresses: map[string]string{"n": "10.0.0.2"}, Labels: map[string]string{"team": "blue"},
		Ports: []network.Published{{HostIP: "127.0.0.1", HostPort: 8080, HostPortEnd: 8090, Target: 80, Protocol: "tcp"}},
	}
	want := ui.PsRow{
		Name: "shop-web-2", Image: "img", Command: "nginx -g", Project: "shop", Service: "web", Index: 2, State: "running",
		Health: "healthy", ExitCode: 3, Restarts: 4, LastExit: 9, Created: at(1), Started: at(2), Finished: at(3),
		Ports:     []ui.PsPort{{HostIP: "127.0.0.1", Host: 8080, Target: 80, Protocol: "tcp"}},
		Addresses: map[string]string{"n": "10.0.0.2"}, ID: "id", Digest: "sha256:d", Labels: map[string]string{"team": "blue"},
	}
	if diff := cmp.Diff(want, psRow(c)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestExitsAreToldOnce(t *testing.T) {
	at := func(name string, task planner.TaskState, code int, ended int64, policy spec.RestartPolicy) inspect.Container {
		c := inspect.Container{Container: planner.Container{ID: name, Name: name, Task: task, ExitCode: code}, Desired: labels.DesiredRunning}
		c.Service.Restart.Policy = policy
		if ended > 0 {
			c.ExitedAt = time.Unix(ended, 0)
		}
		return c
	}
	byHand := at("e", planner.TaskStopped, 137, 4, spec.RestartAlways)
	byHand.Desired = labels.DesiredStopped
	told := exits{}
	looks := []struct {
		name    string
		see     []inspect.Container
		said    string
		running bool
	}{
		{"all run", []inspect.Container{at("a", planner.TaskRunning, 0, 0, ""), at("b", planner.TaskPaused, 0, 0, "")}, "", true},
		{"one ends", []inspect.Container{at("a", planner.TaskStopped, 3, 1, ""), at("b", planner.TaskPaused, 0, 0, "")}, "a exited with code 3\n", true},
		{"it stays so", []inspect.Container{at("a", planner.TaskStopped, 3, 1, "")}, "", false},
		{"its next run ends", []inspect.Container{at("a", planner.TaskStopped, 0, 2, "")}, "a exited with code 0\n", false},
		{"a restart is due", []inspect.Container{at("c", planner.TaskStopped, 1, 3, spec.RestartOnFailure)}, "c exited with code 1\n", true},
		{"none is due after success", []inspect.Container{at("d", planner.TaskStopped, 0, 3, spec.RestartOnFailure)}, "d exited with code 0\n", false},
		{"nor after a stop by hand", []inspect.Container{byHand}, "e exited with code 137\n", false},
		{"nothing left", nil, "", false},
	}
	for _, look := range looks {
		t.Run(look.name, func(t *testing.T) {
			var out bytes.Buffer
			if running := told.tell(&out, look.see); running != look.running {
				t.Errorf("running: %t", running)
			}
			if diff := cmp.Diff(look.said, out.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestExitCodesOfSignals(t *testing.T) {
	for sig, want := range map[unix.Signal]int{unix.SIGINT: 130, unix.SIGTERM: 143} {
		if got := (&signalError{sig}).exitCode(); got != want {
			t.Errorf("%v: %d, want %d", sig, got, want)
		}
	}
}

// TestStepsAreToldByTheirProgress: and by nobody a second time.
func TestStepsAreToldByTheirProgress(t *testing.T) {
	steps := fmt.Errorf("up: %w", &app.StepsError{})
	for form, want := range map[string]bool{"auto": true, "tty": true, "plain": true, "json": false, "quiet": false} {
		g := &globals{progress: form}
		if g.told(steps) != want {
			t.Errorf("%s: told is %t", form, !want)
		}
		if g.told(errors.New("no engine")) {
			t.Errorf("%s: an error that no step had is told by nobody", form)
		}
	}
}

func TestSecondsOnlyIfGiven(t *testing.T) {
	for want, args := range map[string][]string{"<nil>": nil, "0s": {"-t", "0"}, "3s": {"--timeout", "3"}} {
		c := downCommand(&globals{})
		if err := c.ParseFlags(args); err != nil {
			t.Fatal(err)
		}
		n, err := c.Flags().GetInt("timeout")
		if err != nil {
			t.Fatal(err)
		}
		got := "<nil>"
		if d := seconds(c, "timeout", n); d != nil {
			got = d.String()
		}
		if got != want {
			t.Errorf("%v: %s, want %s", args, got, want)
		}
	}
}

// TestWaitAllGoneEndsWithItsContext: it needs no engine to notice.
func TestWaitAllGoneEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	(&session{}).waitAllGone(ctx, "shop", nil)
}
