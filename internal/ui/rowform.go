package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/template"
)

// head is a field of a template, and what stands over its column.
type head struct{ field, title string }

// rowForm is how rows are written, in docker's forms: the command's own table, lines
// of JSON, or lines made by a Go template. The rows of a template have only what
// may be shown.
type rowForm struct {
	heads  []head
	json   bool
	titled bool // the template makes a table
	text   *template.Template
}

// newRowForm reads a format: table, table TEMPLATE, json or TEMPLATE.
func newRowForm(format string, heads []head) (rowForm, error) {
	f := rowForm{heads: heads}
	switch format {
	case "", "table":
		f.titled = true
		return f, nil
	case "json":
		f.json = true
		return f, nil
	}
	body, titled := strings.CutPrefix(format, "table ")
	body = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(body)
	t, err := template.New("format").Option("missingkey=error").Funcs(template.FuncMap{
		"json": func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err }, "upper": strings.ToUpper, "lower": strings.ToLower,
	}).Parse(body)
	if err != nil {
		return f, fmt.Errorf("--format: %w", err)
	}
	f.titled, f.text = titled, t
	return f, nil
}

// lines writes rows by the template; those of a table in columns.
func (f rowForm) lines(w io.Writer, rows []any) error {
	if f.titled {
		titles := map[string]string{}
		for _, h := range f.heads {
			titles[h.field] = h.title
		}
		rows = append([]any{titles}, rows...)
	}
	var cells [][]string
	for _, row := range rows {
		var b bytes.Buffer
		if err := f.text.Execute(&b, row); err != nil {
			return fmt.Errorf("--format: %w", err)
		}
		if !f.titled {
			if _, err := fmt.Fprintln(w, b.String()); err != nil {
				return err
			}
			continue
		}
		cells = append(cells, strings.Split(b.String(), "\t"))
	}
	if !f.titled {
		return nil
	}
	return table(w, cells[0], cells[1:])
}
