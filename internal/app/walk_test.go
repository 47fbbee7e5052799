package app

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/chronicle"
	"stackup.dev/stackup/planner"
)

// TestPlansAreNoted: each that has something to do, with how it went.
func TestPlansAreNoted(t *testing.T) {
	a, _ := newApp(t)
	a.Command = "up"
	for range 2 { // the second has nothing to do
		if _, err := a.Carry(t.Context(), shop("shop"), planner.Options{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	var list []string
	err := chronicle.Book{Path: a.Dirs.Events()}.Follow(t.Context(), time.Unix(1, 0), time.Now(), func(e chronicle.Entry) error {
		list = append(list, strings.Join([]string{e.Type, e.Action, e.Stack, e.Attributes["command"], e.Attributes["outcome"]}, " "))
		return nil
	})
	if want := []string{"plan begin shop up ", "plan end shop up done"}; err != nil || !slices.Equal(list, want) {
		t.Errorf("noted %q, %v, want %q", list, err, want)
	}
}

func TestEnding(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		r    *executor.Report
		want string
	}{
		{"all done", t.Context(), &executor.Report{Done: 2}, "done"},
		{"one failed", t.Context(), &executor.Report{Done: 2, Failed: 1}, "failed"},
		{"cut short", ended, &executor.Report{Done: 1, Failed: 1}, "interrupted"},
		{"not in order", t.Context(), nil, "failed"},
	} {
		if got := ending(tt.ctx, tt.r)["outcome"]; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
