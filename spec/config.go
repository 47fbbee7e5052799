package spec

import (
	"bytes"
	"context"
	"fmt"
)

// Config returns the stack's files merged and resolved, as one Compose file:
// format is yaml or json. It checks what Load checks. Secret values that the
// files or the environment hold are in it in plain text. With services it holds
// those alone, with what they depend on.
func Config(ctx context.Context, o Options, format string, services ...string) ([]byte, error) {
	project, _, err := load(ctx, o)
	if err != nil {
		return nil, err
	}
	if project, err = selected(project, services); err != nil {
		return nil, err
	}
	var out []byte
	switch format {
	case "", "yaml":
		out, err = project.MarshalYAML()
	case "json":
		out, err = project.MarshalJSON()
	default:
		err = fmt.Errorf("format %q is neither yaml nor json", format)
	}
	// What looks like a variable now is text: doubled, it stays so when loaded again.
	return bytes.ReplaceAll(out, []byte("$"), []byte("$$")), err
}
