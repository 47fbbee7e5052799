package restart

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

func TestDecide(t *testing.T) {
	always, failure3 := spec.Restart{Policy: spec.RestartAlways}, spec.Restart{Policy: spec.RestartOnFailure, MaxRetries: 3}
	unless, failure := spec.Restart{Policy: spec.RestartUnlessStopped}, spec.Restart{Policy: spec.RestartOnFailure}
	tests := []struct {
		name    string
		policy  spec.Restart
		code    int
		stopped bool
		count   Count
		ran     time.Duration
		again   bool
		delay   time.Duration
		next    Count
	}{
		{"no", spec.Restart{Policy: spec.RestartNo}, 1, false, Count{}, 0, false, 0, Count{}},
		{"not given", spec.Restart{}, 1, false, Count{}, 0, false, 0, Count{}},
		{"always after success", always, 0, false, Count{}, 0, true, FirstDelay, Count{1, 1, 0}},
		{"always, third quick exit", always, 1, false, Count{2, 2, 7}, time.Second, true, 400 * time.Millisecond, Count{3, 3, 1}},
		{"always, just under steady", always, 1, false, Count{5, 5, 7}, Steady - 1, true, 3200 * time.Millisecond, Count{6, 6, 1}},
		{"always, steady run", always, 1, false, Count{5, 5, 7}, Steady, true, FirstDelay, Count{6, 1, 1}},
		{"always, delay is bounded", always, 1, false, Count{900, 900, 7}, 0, true, MaxDelay, Count{901, 901, 1}},
		{"always, stopped by hand", always, 137, true, Count{1, 1, 7}, 0, false, 0, Count{1, 1, 7}},
		{"unless-stopped", unless, 0, false, Count{}, 0, true, FirstDelay, Count{1, 1, 0}},
		{"unless-stopped, stopped by hand", unless, 0, true, Count{}, 0, false, 0, Count{}},
		{"on-failure after success", failure, 0, false, Count{}, 0, false, 0, Count{}},
		{"on-failure without limit", failure, 2, false, Count{100, 0, 7}, 0, true, FirstDelay, Count{101, 1, 2}},
		{"on-failure, last try", failure3, 2, false, Count{2, 2, 7}, 0, true, 400 * time.Millisecond, Count{3, 3, 2}},
		{"on-failure, limit reached", failure3, 2, false, Count{3, 3, 7}, 0, false, 0, Count{3, 3, 7}},
		{"on-failure, a steady run does not renew the limit", failure3, 2, false, Count{3, 3, 7}, time.Hour, false, 0, Count{3, 3, 7}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			again, delay, next := Decide(tt.policy, tt.code, tt.stopped, tt.count, tt.ran)
			if again != tt.again || delay != tt.delay {
				t.Errorf("got %t after %v, want %t after %v", again, delay, tt.again, tt.delay)
			}
			if diff := cmp.Diff(tt.next, next); diff != "" {
				t.Errorf("count (-want +got):\n%s", diff)
			}
		})
	}
}

// M02: a container that exits at once costs few starts in its first minute.
func TestDecideCrashLoop(t *testing.T) {
	var c Count
	starts, clock := 0, time.Duration(0)
	for clock < time.Minute {
		_, delay, next := Decide(spec.Restart{Policy: spec.RestartAlways}, 1, false, c, 0)
		c, clock, starts = next, clock+delay, starts+1
	}
	if starts != 10 {
		t.Errorf("%d starts in the first minute, want 10", starts)
	}
}
