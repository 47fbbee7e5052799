package spec

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v4"
)

// encoded writes a model.
func encoded(model any, format string) ([]byte, error) {
	if format == "json" {
		out, err := json.MarshalIndent(model, "", "  ")
		return append(out, '\n'), err
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	err := enc.Encode(model)
	return b.Bytes(), err
}

// doubled doubles the dollars of values: what looks like a variable now is text,
// and stays so when the file is loaded again. Names are never replaced.
func doubled(out []byte, format string) ([]byte, error) {
	if !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, '\n')
	}
	if !bytes.Contains(out, []byte("$")) {
		return out, nil
	}
	if format == "json" {
		return doubledJSON(out), nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(out, &doc); err != nil {
		return nil, err
	}
	doubleNode(&doc)
	return encoded(&doc, format)
}

// doubledJSON keeps the order, and all else, of a text that is indented.
func doubledJSON(in []byte) []byte {
	var out bytes.Buffer
	for {
		from := bytes.IndexByte(in, '"')
		if from < 0 {
			out.Write(in)
			return out.Bytes()
		}
		to := from + 1
		for ; in[to] != '"'; to++ {
			if in[to] == '\\' {
				to++
			}
		}
		text := in[from : to+1]
		out.Write(in[:from])
		if in = in[to+1:]; !bytes.HasPrefix(in, []byte(":")) {
			text = bytes.ReplaceAll(text, []byte("$"), []byte("$$"))
		}
		out.Write(text)
	}
}

func doubleNode(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		n.Value = strings.ReplaceAll(n.Value, "$", "$$")
	}
	for i, c := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			doubleNode(c)
		}
	}
}
