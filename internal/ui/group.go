package ui

import (
	"fmt"
	"slices"
	"strings"

	"stackup.dev/stackup/planner"
)

// verb is what a plan does to one thing as a whole.
type verb string

// The verbs, in the order in which a plan's heading counts them.
const (
	verbPull    verb = "pull"
	verbLoad    verb = "load"
	verbBuild   verb = "build"
	verbCreate  verb = "create"
	verbRepair  verb = "repair"
	verbReplace verb = "replace"
	verbUpdate  verb = "update"
	verbRestart verb = "restart"
	verbStart   verb = "start"
	verbWait    verb = "wait"
	verbStop    verb = "stop"
	verbRemove  verb = "remove"
)

// group is all that a plan does to one thing, in plan order.
type group struct {
	ref   planner.Ref
	steps []planner.Step
}

// grouped gathers a plan's steps by thing; things come in the order of their
// first steps.
func grouped(steps []planner.Step) []*group {
	var groups []*group
	at := map[planner.Ref]*group{}
	for _, s := range steps {
		g := at[s.Ref]
		if g == nil {
			g = &group{ref: s.Ref}
			at[s.Ref] = g
			groups = append(groups, g)
		}
		g.steps = append(g.steps, s)
	}
	return groups
}

func (g *group) has(op planner.Op) bool {
	return slices.ContainsFunc(g.steps, func(s planner.Step) bool {
		return s.Op == op && len(s.Rescue) == 0
	})
}

func (g *group) verb() verb {
	switch {
	case g.has(planner.OpPull):
		return verbPull
	case g.has(planner.OpLoad):
		return verbLoad
	case g.has(planner.OpBuild):
		return verbBuild
	case g.has(planner.OpCreate) && (g.has(planner.OpRemove) || g.has(planner.OpStop)):
		return verbReplace
	case g.has(planner.OpCreate):
		return verbCreate
	case g.has(planner.OpRepair):
		return verbRepair
	case g.has(planner.OpRemove):
		return verbRemove
	case g.has(planner.OpStop) && g.has(planner.OpStart):
		return verbRestart
	case g.has(planner.OpStop):
		return verbStop
	case g.has(planner.OpStart):
		return verbStart
	case g.has(planner.OpUpdate):
		return verbUpdate
	default:
		return verbWait
	}
}

func (v verb) symbol() (string, paint) {
	switch v {
	case verbPull, verbLoad, verbBuild, verbCreate:
		return "+", green
	case verbRepair, verbReplace, verbUpdate, verbRestart:
		return "~", yellow
	case verbStop, verbRemove:
		return "-", red
	case verbStart:
		return ">", green
	case verbWait:
		return ".", dim
	}
	return "?", plain
}

// tally counts groups by verb: "1 to create, 2 to replace".
func tally(groups []*group, kept int) string {
	n := map[verb]int{}
	for _, g := range groups {
		n[g.verb()]++
	}
	var parts []string
	for _, v := range []verb{
		verbPull, verbLoad, verbBuild, verbCreate, verbRepair, verbReplace, verbUpdate, verbRestart,
		verbStart, verbWait, verbStop, verbRemove,
	} {
		if n[v] > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n[v], v))
		}
	}
	if kept > 0 {
		parts = append(parts, fmt.Sprintf("%d unchanged", kept))
	}
	return strings.Join(parts, ", ")
}

// refText names a thing in a plan: web.1, network demo_default, nginx:2.
func refText(r planner.Ref, object string) string {
	switch r.Kind {
	case planner.KindNetwork, planner.KindVolume:
		if object == "" {
			object = r.Name
		}
		return string(r.Kind) + " " + Sanitize(object)
	case planner.KindContainer:
		if r.Name == "" && object != "" { // debris that names no service
			return Sanitize(object)
		}
	case planner.KindImage:
	}
	return Sanitize(r.String())
}
