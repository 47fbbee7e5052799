package ctrd

import (
	"testing"

	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func TestTaskState(t *testing.T) {
	want := map[tasktypes.Status]planner.TaskState{
		tasktypes.Status_UNKNOWN: planner.TaskNone,
		tasktypes.Status_CREATED: planner.TaskCreated,
		tasktypes.Status_RUNNING: planner.TaskRunning,
		tasktypes.Status_STOPPED: planner.TaskStopped,
		tasktypes.Status_PAUSED:  planner.TaskPaused,
		tasktypes.Status_PAUSING: planner.TaskPaused,
	}
	for n, name := range tasktypes.Status_name {
		s := tasktypes.Status(n)
		state, ok := want[s]
		if got := taskState(s); !ok || got != state {
			t.Errorf("%s: %s, want %s", name, got, state)
		}
	}
}

func TestWantedPorts(t *testing.T) {
	s := &spec.Stack{Services: []spec.Service{
		{Ports: []spec.Port{{HostPort: 80, HostPortEnd: 80, Protocol: "udp"}, {Target: 9}}}, // the second takes any free port
		{Ports: []spec.Port{{HostPort: 65533, HostPortEnd: 65535, HostIP: "127.0.0.1"}}},    // the last port there is
	}}
	want := []network.Published{{HostPort: 80, Protocol: "udp"}}
	for n := uint16(65533); n != 0; n++ {
		want = append(want, network.Published{HostIP: "127.0.0.1", HostPort: n})
	}
	if diff := cmp.Diff(want, wantedPorts(s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := wantedPorts(&spec.Stack{}); got != nil {
		t.Errorf("a stack that publishes nothing wants %v", got)
	}
}

func TestImageRefsAreAskedForOnce(t *testing.T) {
	s := &spec.Stack{Services: []spec.Service{{Image: "b"}, {Image: "a"}, {Image: "b"}}}
	if diff := cmp.Diff([]string{"a", "b"}, imageRefs(s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCompareOrdersReplicasByNumber(t *testing.T) {
	at := func(stack, service string, index, generation int) inspect.Container {
		return inspect.Container{Stack: stack, Container: planner.Container{Ref: planner.Ref{Name: service, Index: index}, Generation: generation}}
	}
	order := []inspect.Container{at("a", "z", 1, 1), at("b", "a", 2, 2), at("b", "a", 10, 1), at("b", "a", 10, 2), at("b", "c", 1, 1)}
	for i, a := range order {
		for j, b := range order {
			if got := compare(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%d with %d: %d", i, j, got)
			}
		}
	}
}
