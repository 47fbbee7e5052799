package main

import (
	"bytes"
	"context"
	"fmt"
	"text/tabwriter"

	"stackup.dev/stackup/internal/ctrd"
	"stackup.dev/stackup/internal/ui"
	"stackup.dev/stackup/spec"
)

// shown is the file as the flags want it.
func (f configFlags) shown(ctx context.Context, g *globals, o spec.Options, services []string) ([]byte, error) {
	v := f.view
	v.Format, v.Services, v.Locked = f.format, services, f.lock
	if f.resolve || f.lock {
		dirs, err := g.dirs()
		if err != nil {
			return nil, err
		}
		v.Digest = func(image string) (string, error) { return ctrd.RemoteDigest(ctx, dirs, image) }
	}
	return spec.Config(ctx, o, v)
}

func variables(ctx context.Context, o spec.Options, format string) ([]byte, error) {
	list, err := spec.Variables(ctx, o)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	switch format {
	case "json", "yaml":
		return spec.VariablesText(list, format)
	case "", "table":
	default:
		return nil, fmt.Errorf("--format %q: must be table, yaml or json", format)
	}
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0) // into memory: it cannot fail
	_, _ = fmt.Fprintln(w, "NAME\tREQUIRED\tDEFAULT VALUE\tALTERNATE VALUE")
	for _, v := range list {
		_, _ = fmt.Fprintf(w, "%s\t%t\t%s\t%s\n", ui.Sanitize(v.Name), v.Required, ui.Sanitize(v.DefaultValue), ui.Sanitize(v.PresenceValue))
	}
	err = w.Flush()
	return b.Bytes(), err
}
