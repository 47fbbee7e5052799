package ui

import (
	"time"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

func epoch() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// at makes the event of a step, d after the beginning of the run.
func at(d time.Duration, p event.Phase, id planner.StepID, op planner.Op, ref planner.Ref) event.Event {
	return event.Event{Time: epoch().Add(d), Step: id, Op: op, Ref: ref, Phase: p}
}

func (s *story) add(d time.Duration, p event.Phase, id planner.StepID, op planner.Op, ref planner.Ref) *event.Event {
	*s = append(*s, at(d, p, id, op, ref))
	return &(*s)[len(*s)-1]
}

type story []event.Event

// upStory is an up with everything in it: a download under way, a container
// replaced, one that failed and came back, one skipped, one waited for.
func upStory() []event.Event {
	const ms = time.Millisecond
	var s story
	img := planner.Ref{Kind: planner.KindImage, Name: "docker.io/library/postgres:16"}
	net := planner.Ref{Kind: planner.KindNetwork, Name: "default"}
	web, api, job, db := container("web", 1), container("api", 1), container("job", 1), container("db", 1)
	s.add(0, event.Started, "create/network/default", planner.OpCreate, net)
	s.add(0, event.Started, "pull/postgres", planner.OpPull, img)
	s.add(40*ms, event.Done, "create/network/default", planner.OpCreate, net)
	for i, op := range []planner.Op{planner.OpCreate, planner.OpStop, planner.OpStart, planner.OpRemove} {
		id := planner.StepID(string(op) + "/web.1")
		s.add(time.Duration(i*200)*ms, event.Started, id, op, web)
		s.add(time.Duration(i*200+150)*ms, event.Done, id, op, web)
	}
	s.add(100*ms, event.Started, "create/api.1", planner.OpCreate, api)
	s.add(200*ms, event.Done, "create/api.1", planner.OpCreate, api)
	s.add(300*ms, event.Started, "start/api.1", planner.OpStart, api)
	s.add(900*ms, event.Failed, "start/api.1", planner.OpStart, api).Err = "start api.1: port 8080/tcp is taken by nginx (pid 12)\nstop that program, or publish another port"
	s.add(910*ms, event.Started, "start/demo-api-1-g1", planner.OpStart, api)
	s.add(950*ms, event.Done, "start/demo-api-1-g1", planner.OpStart, api)
	s.add(950*ms, event.Skipped, "create/job.1", planner.OpCreate, job).Text = "api.1 failed"
	s.add(960*ms, event.Started, "wait/db.1", planner.OpWait, db)
	s.add(1500*ms, event.Progress, "wait/db.1", planner.OpWait, db).Text = "health: starting"
	e := s.add(2*time.Second, event.Progress, "pull/postgres", planner.OpPull, img)
	e.Done, e.Total = 31_400_000, 104_000_000
	return s
}

func modelOf(events []event.Event) *Model {
	m := &Model{}
	for _, e := range events {
		m.Apply(e)
	}
	return m
}
