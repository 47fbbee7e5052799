package ui

import (
	"encoding/json"
	"io"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// PlanVersion is the version of the plan's JSON form. It grows when a field
// changes its meaning or goes; a new field does not change it.
const PlanVersion = 1

type planDoc struct {
	Version int            `json:"version"`
	Stack   string         `json:"stack"`
	Changes bool           `json:"changes"`
	Steps   []planner.Step `json:"steps"`
	Keep    []planner.Kept `json:"keep"`
	Notices []string       `json:"notices"`
}

// PlanJSON writes p as one JSON document. Values of secret-looking fields are
// masked unless showValues; grace is in nanoseconds. p is not changed.
func PlanJSON(w io.Writer, p *planner.Plan, showValues bool) error {
	doc := planDoc{
		Version: PlanVersion,
		Stack:   p.Stack,
		Changes: !p.Empty(),
		Steps:   append([]planner.Step{}, p.Steps...),
		Keep:    append([]planner.Kept{}, p.Keep...),
		Notices: append([]string{}, p.Notices...),
	}
	if !showValues {
		for i := range doc.Steps {
			doc.Steps[i].Reason.Fields = masked(doc.Steps[i].Reason.Fields)
		}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

// masked is a copy of changes without secret values. That a value was absent
// is no secret.
func masked(changes []spec.Change) []spec.Change {
	out := append([]spec.Change(nil), changes...)
	for i, c := range out {
		if !c.Secret {
			continue
		}
		if c.Old != "" {
			out[i].Old = sensitive
		}
		if c.New != "" {
			out[i].New = sensitive
		}
	}
	return out
}
