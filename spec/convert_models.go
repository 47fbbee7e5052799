package spec

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// withModels gives a service's variables and those that say where its models
// are (Compose Specification, models): for a model named llm LLM_URL and
// LLM_MODEL, unless the service has names of its own for them.
func (c *converter) withModels(cfg types.ServiceConfig, p *types.Project) types.MappingWithEquals {
	if len(cfg.Models) == 0 {
		return cfg.Environment
	}
	runner := c.setting(modelRunner)
	if u, err := url.Parse(runner); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		c.problem("models", "the model runner that STACKUP_%s names, %q, is not the address of one, such as http://172.17.0.1:12434/engines/v1", modelRunner, printable(runner))
	}
	env := types.MappingWithEquals{}
	maps.Copy(env, cfg.Environment)
	for _, name := range slices.Sorted(maps.Keys(cfg.Models)) {
		model, ok := p.Models[name]
		if !ok {
			c.problem("models", "%s is not among the models at the top level", printable(name))
		}
		var own types.ServiceModelConfig
		if given := cfg.Models[name]; given != nil {
			own = *given
		}
		prefix := strings.ReplaceAll(strings.ToUpper(name), "-", "_")
		env[cmp.Or(own.EndpointVariable, prefix+"_URL")] = &runner
		env[cmp.Or(own.ModelVariable, prefix+"_MODEL")] = &model.Model
	}
	return env
}
