package ui

import (
	"fmt"
	"io"

	units "github.com/docker/go-units"
)

// StatsRow is one container as stats shows it.
type StatsRow struct {
	ID, Name       string
	Known          bool    // it runs, so that there are figures
	CPU            float64 // per cent of one processor
	Memory, Limit  uint64  // bytes
	Received, Sent uint64
	Read, Written  uint64
	PIDs           uint64
}

// statsHead names the fields of a template, in the order of the table.
var statsHead = []head{
	{"ID", "CONTAINER ID"},
	{"Name", "NAME"},
	{"CPUPerc", "CPU %"},
	{"MemUsage", "MEM USAGE / LIMIT"},
	{"MemPerc", "MEM %"},
	{"NetIO", "NET I/O"},
	{"BlockIO", "BLOCK I/O"},
	{"PIDs", "PIDS"},
	{"Container", "CONTAINER"},
}

// Stats writes rows in docker's forms: a table, lines of JSON, or lines made by a
// template.
type Stats struct{ rowForm }

// NewStats reads a format: table, table TEMPLATE, json or TEMPLATE.
func NewStats(format string) (*Stats, error) {
	f, err := newRowForm(format, statsHead)
	if err != nil {
		return nil, err
	}
	s := &Stats{f}
	return s, s.Write(io.Discard, []StatsRow{{}}) // unknown fields show now
}

// Table says whether rows come as one table that can be shown anew in place.
func (s *Stats) Table() bool { return s.titled }

// Write writes one state of all containers.
func (s *Stats) Write(w io.Writer, rows []StatsRow) error {
	switch {
	case s.json:
		docs := make([]map[string]string, 0, len(rows))
		for _, r := range rows {
			docs = append(docs, r.fields())
		}
		return jsonLines(w, docs)
	case s.text == nil:
		return s.table(w, rows)
	}
	lines := make([]any, 0, len(rows))
	for _, r := range rows {
		lines = append(lines, r.fields())
	}
	return s.lines(w, lines)
}

func (s *Stats) table(w io.Writer, rows []StatsRow) error {
	var head []string
	cells := make([][]string, len(rows))
	for _, h := range statsHead[:len(statsHead)-1] {
		head = append(head, h.title)
		for i, r := range rows {
			cells[i] = append(cells[i], r.fields()[h.field])
		}
	}
	return table(w, head, cells)
}

// fields are what a template can show, by docker's names.
func (r StatsRow) fields() map[string]string {
	f := map[string]string{
		"ID": Sanitize(r.ID), "Name": Sanitize(r.Name), "Container": Sanitize(r.ID),
		"CPUPerc": "--", "MemUsage": "-- / --", "MemPerc": "--", "NetIO": "-- / --", "BlockIO": "-- / --", "PIDs": "--",
	}
	if !r.Known {
		return f
	}
	share := 0.0
	if r.Limit > 0 {
		share = 100 * float64(r.Memory) / float64(r.Limit)
	}
	pair := func(a, b uint64) string {
		return units.HumanSizeWithPrecision(float64(a), 3) + " / " + units.HumanSizeWithPrecision(float64(b), 3)
	}
	f["CPUPerc"], f["MemPerc"] = fmt.Sprintf("%.2f%%", r.CPU), fmt.Sprintf("%.2f%%", share)
	f["MemUsage"] = units.BytesSize(float64(r.Memory)) + " / " + units.BytesSize(float64(r.Limit))
	f["NetIO"], f["BlockIO"], f["PIDs"] = pair(r.Received, r.Sent), pair(r.Read, r.Written), fmt.Sprint(r.PIDs)
	return f
}
