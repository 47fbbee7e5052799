package spec

import (
	"context"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/template"
)

// Variable is one that the stack's files mention.
type Variable struct {
	Name          string
	DefaultValue  string // what stands for it where it is not set
	PresenceValue string // what stands for it where it is set
	Required      bool   // the files are refused without it
}

// Variables lists the variables that the files mention, by name.
func Variables(ctx context.Context, o Options) ([]Variable, error) {
	model, err := written(ctx, o, View{NoNormalize: true, NoPathResolution: true})
	if err != nil {
		return nil, err
	}
	found := template.ExtractVariables(model, template.DefaultPattern)
	var out []Variable
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, Variable(found[name]))
	}
	return out, nil
}

// VariablesText is the list by name, as yaml or json.
func VariablesText(list []Variable, format string) ([]byte, error) {
	byName := map[string]Variable{}
	for _, v := range list {
		byName[v.Name] = v
	}
	return encoded(byName, format)
}
