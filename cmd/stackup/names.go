package main

import (
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// names calls things in progress lines what they are called on the machine.
func names(st *spec.Stack) func(planner.Ref) string {
	return func(r planner.Ref) string {
		switch r.Kind {
		case planner.KindContainer:
			s := st.Service(r.Name)
			if s == nil { // an orphan, or down without a file
				s = &spec.Service{Name: r.Name}
			}
			return "Container " + planner.VisibleName(st.Name, s, r.Index)
		case planner.KindNetwork:
			for _, n := range st.Networks {
				if n.Key == r.Name {
					return "Network " + n.Name
				}
			}
		case planner.KindVolume:
			for _, v := range st.Volumes {
				if v.Key == r.Name {
					return "Volume " + v.Name
				}
			}
		case planner.KindImage:
		}
		return ui.DefaultName(r)
	}
}
