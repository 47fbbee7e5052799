package ctrd

import (
	"errors"
	"testing"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/restart"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// TestLastExit: of a container that has no task, the end that was kept counts. An end
// that nobody has seen is none of success.
func TestLastExit(t *testing.T) {
	start := time.Unix(1000, 0)
	onFailure := spec.Restart{Policy: spec.RestartOnFailure, MaxRetries: 1}
	for name, tt := range map[string]struct {
		code    int
		end     time.Time
		desired string
		tries   int
		want    int
		again   bool
	}{
		"success":         {0, start.Add(time.Second), labels.DesiredRunning, 0, 0, false},
		"failure":         {5, start.Add(time.Second), labels.DesiredRunning, 0, 5, true},
		"the last try":    {5, start.Add(time.Second), labels.DesiredRunning, 1, 5, false},
		"stopped by hand": {5, start.Add(time.Second), labels.DesiredStopped, 0, 5, false},
		"unseen":          {0, time.Time{}, labels.DesiredRunning, 0, restart.LostCode, true},
	} {
		c := inspect.Container{StartedAt: start, ExitedAt: tt.end, Desired: tt.desired, Restarts: restart.Count{Total: tt.tries}}
		c.Service.Restart, c.ExitCode = onFailure, tt.code
		if code, again, err := lastExit(c, restart.LostCode); code != tt.want || again != tt.again || err != nil {
			t.Errorf("%s: %d, %t, %v", name, code, again, err)
		}
	}
	never := inspect.Container{}
	never.Task = planner.TaskNone
	if _, _, err := lastExit(never, restart.LostCode); !errors.Is(err, errNeverStarted) {
		t.Errorf("one that was never started: %v", err)
	}
}
