package ui

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// gap is the space between two columns of a table.
const gap = 3

// table writes rows under a heading, left-aligned, each cell sanitised.
func table(w io.Writer, head []string, rows [][]string) error {
	all := [][]string{head}
	for _, r := range rows {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = Sanitize(c)
		}
		all = append(all, cells)
	}
	widths := make([]int, len(head))
	for _, r := range all {
		for i, c := range r {
			widths[i] = max(widths[i], columns(c))
		}
	}
	var b strings.Builder
	for _, r := range all {
		var line strings.Builder
		for i, c := range r {
			line.WriteString(pad(c, widths[i]+gap))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// jsonLines writes each value as one line of JSON.
func jsonLines[T any](w io.Writer, values []T) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
