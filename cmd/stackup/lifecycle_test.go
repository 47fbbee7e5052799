package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
)

func TestKeys(t *testing.T) {
	for text, want := range map[string]string{"ctrl-p,ctrl-q": "\x10\x11", "a": "a", "ctrl-@,ctrl-[": "\x00\x1b", "x,Y": "xY"} {
		if got, err := keys(text); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "ctrl-", "ctrl-?", "ctrl-ab", "ab", "a,"} {
		if got, err := keys(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestDetachKeys: they end the input, their beginnings pass through late.
func TestDetachKeys(t *testing.T) {
	for text, want := range map[string]string{
		"abc": "abc", "ab\x10\x11cd": "ab", "a\x10b": "a\x10b", "\x10\x10\x11x": "\x10", "\x10\x11": "",
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(text), "one by one": iotest.OneByteReader(strings.NewReader(text))} {
			got, err := io.ReadAll(&escapes{from: r, keys: []byte("\x10\x11")})
			if string(got) != want || errors.Is(err, errDetached) != strings.Contains(text, "\x10\x11") {
				t.Errorf("%q %s: %q, %v", text, name, got, err)
			}
		}
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "10m": now.Add(-10 * time.Minute), "0s": now, "2026-01-02T15:04:05Z": now, "2026-01-02T15:04:05": now,
		"2026-01-02": now.Truncate(24 * time.Hour), "1767366245": now, "1767366245.5": now.Add(500 * time.Millisecond),
	} {
		if got, err := moment("--since", text, now); !got.Equal(want) || err != nil {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	if _, err := moment("--since", "yesterday", now); err == nil || !strings.Contains(err.Error(), `--since "yesterday"`) {
		t.Error(err)
	}
}

func TestShare(t *testing.T) {
	at := time.Unix(100, 0)
	before := inspect.Usage{At: at, CPU: time.Second}
	if got := share(before, inspect.Usage{At: at.Add(2 * time.Second), CPU: 2 * time.Second}); got != 50 {
		t.Errorf("half a processor: %v", got)
	}
	for name, u := range map[string][2]inspect.Usage{
		"the first look":     {{}, {At: at, CPU: time.Hour}},
		"the same moment":    {before, before},
		"another run of it":  {before, {At: at.Add(time.Second)}},
		"it has just gone":   {before, {}},
		"it has not started": {},
	} {
		if got := share(u[0], u[1]); got != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSignalName(t *testing.T) {
	for _, s := range []unix.Signal{unix.SIGINT, unix.SIGHUP, unix.SIGTERM} {
		if got := signalName(s); got != strings.TrimPrefix(unix.SignalName(s), "SIG") {
			t.Errorf("%v: %s", s, got)
		}
	}
}

func TestLsRows(t *testing.T) {
	box := func(stack string, task planner.TaskState) inspect.Container {
		return inspect.Container{Stack: stack, Files: "/" + stack, Desired: labels.DesiredRunning, Container: planner.Container{Task: task}}
	}
	list := []inspect.Container{box("a", planner.TaskStopped), box("b", planner.TaskRunning), box("b", planner.TaskStopped), box("bc", planner.TaskPaused)}
	all, err := nameFilter(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := nameFilter([]string{"name=^b$", "name=^x"})
	if err != nil {
		t.Fatal(err)
	}
	row := func(name string, states map[string]int) ui.LsRow {
		return ui.LsRow{Name: name, States: states, Files: "/" + name}
	}
	for _, tt := range []struct {
		all    bool
		wanted func(string) bool
		want   []ui.LsRow
	}{
		{false, all, []ui.LsRow{row("b", map[string]int{"running": 1}), row("bc", map[string]int{"paused": 1})}},
		{true, b, []ui.LsRow{row("b", map[string]int{"running": 1, "exited": 1})}},
	} {
		if diff := cmp.Diff(tt.want, lsRows(list, tt.all, tt.wanted)); diff != "" {
			t.Errorf("all %t (-want +got):\n%s", tt.all, diff)
		}
	}
	for _, bad := range []string{"color=red", "name=(", "name"} {
		if _, err := nameFilter([]string{bad}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestAgreed(t *testing.T) {
	for text, want := range map[string]error{"y\n": nil, "YES\n": nil, "y": nil, "n\n": errNotDone, "\n": errNotDone} {
		if err := agreed(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
	if err := agreed(strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Error(err)
	}
}
