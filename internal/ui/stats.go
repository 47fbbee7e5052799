package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/template"

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
var statsHead = []struct{ field, title string }{
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
type Stats struct {
	json   bool
	titled bool // the template makes a table
	text   *template.Template
}

// NewStats reads a format: table, table TEMPLATE, json or TEMPLATE.
func NewStats(format string) (*Stats, error) {
	switch format {
	case "", "table":
		return &Stats{titled: true}, nil
	case "json":
		return &Stats{json: true}, nil
	}
	body, titled := strings.CutPrefix(format, "table ")
	body = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(body)
	t, err := template.New("format").Option("missingkey=error").Funcs(template.FuncMap{
		"json": func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err }, "upper": strings.ToUpper, "lower": strings.ToLower,
	}).Parse(body)
	if err != nil {
		return nil, fmt.Errorf("--format: %w", err)
	}
	s := &Stats{titled: titled, text: t}
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
	lines := make([]map[string]string, 0, len(rows)+1)
	if s.titled {
		titles := map[string]string{}
		for _, h := range statsHead {
			titles[h.field] = h.title
		}
		lines = append(lines, titles)
	}
	for _, r := range rows {
		lines = append(lines, r.fields())
	}
	return s.template(w, lines)
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

// template writes a line for each; those of a table in columns.
func (s *Stats) template(w io.Writer, lines []map[string]string) error {
	var cells [][]string
	for _, l := range lines {
		var b bytes.Buffer
		if err := s.text.Execute(&b, l); err != nil {
			return fmt.Errorf("--format: %w", err)
		}
		if !s.titled {
			if _, err := fmt.Fprintln(w, b.String()); err != nil {
				return err
			}
			continue
		}
		cells = append(cells, strings.Split(b.String(), "\t"))
	}
	if !s.titled {
		return nil
	}
	return table(w, cells[0], cells[1:])
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
