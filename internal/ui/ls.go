package ui

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// LsRow is one stack as ls lists it.
type LsRow struct {
	Name   string
	States map[string]int // how many containers are in which state
	Files  string         // stack files, separated by commas
}

// status is "exited(1), running(2)".
func (r LsRow) status() string {
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(r.States)) {
		parts = append(parts, fmt.Sprintf("%s(%d)", s, r.States[s]))
	}
	return strings.Join(parts, ", ")
}

// LsTable writes rows as a table.
func LsTable(w io.Writer, rows []LsRow) error {
	cells := make([][]string, 0, len(rows))
	for _, r := range rows {
		cells = append(cells, []string{r.Name, r.status(), r.Files})
	}
	return table(w, []string{"NAME", "STATUS", "CONFIG FILES"}, cells)
}

// LsJSON writes rows as one array, as docker compose does.
func LsJSON(w io.Writer, rows []LsRow) error {
	type doc struct{ Name, Status, ConfigFiles string }
	docs := make([]doc, 0, len(rows))
	for _, r := range rows {
		docs = append(docs, doc{r.Name, r.status(), r.Files})
	}
	b, err := json.Marshal(docs)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}
