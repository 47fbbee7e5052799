package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/spec"
)

func runOptions(t *testing.T, s *spec.Stack) RunOptions {
	t.Helper()
	v, err := OneOff(s, "web")
	if err != nil {
		t.Fatal(err)
	}
	return RunOptions{Service: v, Streams: &inspect.Process{}}
}

// TestRun brings up what web depends on, and no replica of web itself.
func TestRun(t *testing.T) {
	a, m := newApp(t)
	o := runOptions(t, shop("shop"))
	o.Remove = true
	locked := true
	o.Ready = func() error { locked = !free(t, a, "shop"); return nil }
	name, code, err := a.Run(t.Context(), shop("shop"), o)
	if err != nil || code != 7 || !strings.HasPrefix(name, "shop-web-run-") {
		t.Fatalf("%q, %d, %v", name, code, err)
	}
	if locked {
		t.Error("the stack is locked while it runs")
	}
	started := m.acted("Start")
	if len(started) != 2 || started[0] != "shop-db-1-g1" || !strings.Contains(started[1], "web-run-") {
		t.Errorf("started %v", started)
	}
	if !slices.Contains(m.story, "remove run") {
		t.Errorf("not removed: %v", m.story)
	}
}

func TestRunAlone(t *testing.T) {
	a, m := newApp(t)
	o := runOptions(t, shop("shop"))
	o.Alone, o.Detach, o.Name = true, true, "mine"
	name, _, err := a.Run(t.Context(), shop("shop"), o)
	if err != nil || name != "mine" || len(m.acted("Start")) != 1 || slices.Contains(m.story, "remove run") {
		t.Errorf("%q, %v, started %v, %v", name, err, m.acted("Start"), m.story)
	}
}

// TestRunMayBeRefused before anything is touched.
func TestRunMayBeRefused(t *testing.T) {
	a, m := newApp(t)
	o := runOptions(t, shop("shop"))
	no := errors.New("no")
	o.Planned = func() error { return no }
	if _, _, err := a.Run(t.Context(), shop("shop"), o); !errors.Is(err, no) || len(m.acted("Create")) > 0 {
		t.Errorf("%v, made %v", err, m.acted("Create"))
	}
}

// TestRunFails: the container is removed all the same.
func TestRunFails(t *testing.T) {
	a, m := newApp(t)
	o := runOptions(t, shop("shop"))
	o.Remove = true
	ctx, cancel := context.WithCancel(t.Context())
	o.Ready = func() error { cancel(); return nil }
	m.runErr = errors.New("interrupted")
	if _, _, err := a.Run(ctx, shop("shop"), o); err == nil || !slices.Contains(m.story, "remove run") {
		t.Errorf("%v, %v", err, m.story)
	}
}

func TestOneOff(t *testing.T) {
	s := shop("shop")
	web := s.Service("web")
	web.ContainerName, web.Ports, web.Restart.Policy = "x", []spec.Port{{Target: 80}}, spec.RestartAlways
	web.Networks[0].IPv4 = "10.0.0.9"
	v, err := OneOff(s, "web")
	if err != nil || v.ContainerName != "" || v.Ports != nil || v.Restart.Policy != spec.RestartNo || v.Networks[0].IPv4 != "" {
		t.Errorf("%+v, %v", v, err)
	}
	if web.Networks[0].IPv4 != "10.0.0.9" {
		t.Error("the stack itself was changed")
	}
	if _, err := OneOff(s, "none"); err == nil {
		t.Error("an unknown service is no error")
	}
}
