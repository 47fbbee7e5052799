// Package report collects what was measured and shows it as a table and JSON.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Kind is what was done to a stack.
type Kind string

// The kinds, in the order of the table.
const (
	Up      Kind = "up"
	Same    Kind = "same"
	Changed Kind = "changed"
	Down    Kind = "down"
	Ps      Kind = "ps"
	Config  Kind = "config"
	Nginx   Kind = "nginx"
	Memory  Kind = "memory"
	Plan    Kind = "plan"
)

// Kinds lists all of them.
var Kinds = []Kind{Up, Same, Changed, Down, Ps, Config, Nginx, Memory, Plan}

// ID names a case: a kind, with the number of services.
type ID struct {
	Kind Kind `json:"kind"`
	N    int  `json:"services"`
}

// String is the row's name in the table.
func (id ID) String() string {
	words := map[Kind]string{
		Up: "up, %d", Same: "up with no change, %d", Changed: "up with one changed, of %d",
		Down: "down, %d", Ps: "ps, %d", Config: "config, %d", Nginx: "nginx: up issued to first HTTP 200",
		Memory: "idle memory, %d", Plan: "plan, %d",
	}[id.Kind]
	if id.Kind == Nginx {
		return words
	}
	return fmt.Sprintf(words, id.N)
}

// unit is seconds, or bytes for memory.
func (id ID) unit() string {
	if id.Kind == Memory {
		return "bytes"
	}
	return "seconds"
}

// Series is what one tool showed in one case.
type Series struct {
	Median  float64   `json:"median,omitempty"`
	Min     float64   `json:"min,omitempty"`
	Max     float64   `json:"max,omitempty"`
	Ratio   float64   `json:"ratio,omitempty"` // to our median
	Values  []float64 `json:"values"`
	Missing string    `json:"missing,omitempty"` // why there is none, or why there are few
}

// Case is a row: the series of each tool.
type Case struct {
	ID
	Unit  string             `json:"unit"`
	Tools map[string]*Series `json:"tools"`
}

// Result is a whole run.
type Result struct {
	Machine  Machine           `json:"machine"`
	Versions map[string]string `json:"versions"`
	Rounds   int               `json:"rounds"`
	Remark   string            `json:"remark"` // on the rounds
	Tools    []string          `json:"tools"`  // in the order of the columns, ours first
	Failed   map[string]string `json:"failed,omitempty"`
	Cases    []*Case           `json:"cases"`
}

// Add records a value.
func (r *Result) Add(id ID, tool string, value float64) {
	s := r.series(id, tool)
	s.Values = append(s.Values, value)
}

// Miss records why a tool has no value, or no more.
func (r *Result) Miss(id ID, tool string, err error) {
	r.series(id, tool).Missing = err.Error()
}

func (r *Result) series(id ID, tool string) *Series {
	at := slices.IndexFunc(r.Cases, func(c *Case) bool { return c.ID == id })
	if at < 0 {
		r.Cases = append(r.Cases, &Case{ID: id, Unit: id.unit(), Tools: map[string]*Series{}})
		at = len(r.Cases) - 1
	}
	tools := r.Cases[at].Tools
	if tools[tool] == nil {
		tools[tool] = &Series{Values: []float64{}}
	}
	return tools[tool]
}

// Finish computes medians and ratios, and sorts the cases.
func (r *Result) Finish() {
	slices.SortFunc(r.Cases, func(a, b *Case) int {
		if d := slices.Index(Kinds, a.Kind) - slices.Index(Kinds, b.Kind); d != 0 {
			return d
		}
		return a.N - b.N
	})
	for _, c := range r.Cases {
		for _, s := range c.Tools {
			s.finish()
		}
		ours := c.Tools[Ours]
		if ours == nil || ours.Median == 0 {
			continue
		}
		for _, s := range c.Tools {
			s.Ratio = s.Median / ours.Median
		}
	}
}

func (s *Series) finish() {
	if len(s.Values) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(s.Values))
	mid := len(sorted) / 2
	s.Min, s.Max, s.Median = sorted[0], sorted[len(sorted)-1], sorted[mid]
	if len(sorted)%2 == 0 {
		s.Median = (sorted[mid-1] + sorted[mid]) / 2
	}
}

// median of a case, 0 if it was not measured.
func (r *Result) median(id ID, tool string) float64 {
	for _, c := range r.Cases {
		if s := c.Tools[tool]; c.ID == id && s != nil {
			return s.Median
		}
	}
	return 0
}

// JSON writes all of it.
func (r *Result) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
