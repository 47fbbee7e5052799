package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Field is one fact with its name, such as an engine's address.
type Field struct {
	Label string // for people: "Address"
	Key   string // in JSON: "address"
	Value any    // what encoding/json takes
}

// FieldsTable writes one line per fact.
func FieldsTable(w io.Writer, fields []Field) error {
	widest := 0
	for _, f := range fields {
		widest = max(widest, columns(f.Label)+1)
	}
	var b bytes.Buffer
	for _, f := range fields {
		fmt.Fprintf(&b, "%s  %s\n", pad(f.Label+":", widest), Sanitize(fmt.Sprint(f.Value)))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// FieldsJSON writes the facts as one JSON object on one line, in their order.
func FieldsJSON(w io.Writer, fields []Field) error {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(f.Key)
		if err != nil {
			return err
		}
		value, err := json.Marshal(f.Value)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Key, err)
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}
