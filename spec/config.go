package spec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// View says how much of the work on the files Config shows. The zero value is
// all of it, as YAML.
type View struct {
	Format   string   // yaml or json; empty for yaml
	Services []string // those alone, with what they depend on; empty for all

	NoInterpolate    bool // variables as they are written
	NoNormalize      bool // without what names and defaults come to
	NoPathResolution bool // paths as they are written
	NoEnvResolution  bool // env_file as it is written, and unset variables
	NoConsistency    bool // without the checks of what attributes mean together

	// Digest, if set, gives the manifest digest that an image is pinned to. With
	// Locked nothing but the images so pinned is shown: a file to put over the stack's.
	Digest func(image string) (string, error)
	Locked bool
}

// partial says whether something is left out, so that what is shown is not what
// Load works with.
func (v *View) partial() bool {
	return v != nil && (v.NoInterpolate || v.NoNormalize || v.NoPathResolution || v.NoEnvResolution || v.NoConsistency)
}

// Config returns the stack's files merged and resolved, as one Compose file. It
// checks what Load checks, unless the view leaves variables or consistency out.
// Secret values that the files or the environment hold are in it in plain text.
func Config(ctx context.Context, o Options, v View) ([]byte, error) {
	if !slices.Contains([]string{"", "yaml", "json"}, v.Format) {
		return nil, errors.New("format \"" + v.Format + "\" is neither yaml nor json")
	}
	if v.NoInterpolate {
		return configAsWritten(ctx, o, v)
	}
	project, err := viewed(ctx, o, v)
	if err != nil {
		return nil, err
	}
	if project, err = selected(project, v.Services); err != nil {
		return nil, err
	}
	if err := v.pin(project); err != nil {
		return nil, err
	}
	sshKeys(project)
	var out []byte
	switch {
	case v.Locked:
		out, err = encoded(imagesOf(project), v.Format)
	default:
		if out, err = project.MarshalYAML(); err == nil {
			out, err = mended(unmarked(out), v.Format)
		}
	}
	if err != nil {
		return nil, err
	}
	return doubled(out, v.Format)
}

// viewed gives the project as the view wants it, once all has been checked.
func viewed(ctx context.Context, o Options, v View) (project *types.Project, err error) {
	if v.partial() {
		if o.Stdin, err = kept(o); err != nil {
			return nil, err
		}
	}
	if !v.NoConsistency {
		var stack *Stack
		if project, stack, err = load(ctx, o); err != nil || !v.partial() {
			markUnswapped(project, stack)
			return project, err
		}
		if text, ok := o.Stdin.(*bytes.Reader); ok {
			_, _ = text.Seek(0, io.SeekStart) // cannot fail
		}
	}
	o.view = &v
	project, _, err = load(ctx, o)
	return project, err
}

// kept is standard input for reading it twice.
func kept(o Options) (io.Reader, error) {
	if o.Stdin == nil || !slices.Contains(o.Files, stdinName) {
		return o.Stdin, nil
	}
	data, err := io.ReadAll(io.LimitReader(o.Stdin, maxFile+1))
	return bytes.NewReader(data), err
}

// configAsWritten shows the merged model, of which the variables are not known.
func configAsWritten(ctx context.Context, o Options, v View) ([]byte, error) {
	if len(v.Services) > 0 {
		return nil, errors.New("services cannot be picked without interpolation: what they depend on may be a variable")
	}
	model, err := written(ctx, o, v)
	if err != nil {
		return nil, err
	}
	if err := v.pinModel(model); err != nil {
		return nil, err
	}
	if v.Locked {
		model = imagesOfModel(model)
	}
	return encoded(model, v.Format)
}

// written is the merged model with its variables as they are written.
func written(ctx context.Context, o Options, v View) (map[string]any, error) {
	v.NoInterpolate = true
	o.view = &v
	sc, name, err := open(&report{}, o)
	if err != nil {
		return nil, err
	}
	model, err := sc.model(ctx, name)
	if err == nil {
		model, err = sc.filled(model, name)
	}
	if err != nil {
		sc.explain(err)
	}
	leaveOutValues(model)
	return model, sc.rep.err()
}

// leaveOutValues takes away what the library has read from the environment for configs
// and secrets: nobody has written it there.
func leaveOutValues(model map[string]any) {
	for _, kind := range []string{"configs", "secrets"} {
		all, _ := model[kind].(map[string]any)
		for _, one := range all {
			if def, ok := one.(map[string]any); ok && def["environment"] != nil {
				delete(def, "content")
				delete(def, types.SecretConfigXValue)
			}
		}
	}
}
