package spec

import (
	"bytes"
	"errors"
	"maps"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
)

// loadEnvFiles adds the variables of files to the environment; what the caller
// has set wins, and a later file wins over an earlier one.
func (s *setup) loadEnvFiles(files []envFile) error {
	added := map[string]string{}
	for _, f := range files {
		vars, err := s.readEnvFile(f, s.env, added)
		if err != nil {
			return err
		}
		maps.Copy(added, vars)
	}
	for k, v := range added {
		if _, set := s.env[k]; !set {
			s.env[k] = v
		}
	}
	return nil
}

// readEnvFile parses one file; lookups see env first, then what earlier files gave.
func (s *setup) readEnvFile(f envFile, env, earlier map[string]string) (map[string]string, error) {
	data, err := s.guard.read(f.path, f.named)
	if err != nil {
		return nil, &Error{File: s.rep.show(f.path), Msg: "environment file: " + err.Error()}
	}
	vars, err := dotenv.ParseWithLookup(bytes.NewReader(data), func(k string) (string, bool) {
		if v, ok := env[k]; ok {
			return v, true
		}
		v, ok := earlier[k]
		return v, ok
	})
	if err != nil {
		return nil, yamlFree(s.rep.show(f.path), err)
	}
	return vars, nil
}

// yamlFree reports an error of an environment file with its line, if it has one.
func yamlFree(file string, err error) *Error {
	e := yamlError(file, err)
	e.Msg = "environment file: " + strings.TrimPrefix(e.Msg, "not valid YAML: ")
	return e
}

// substitute replaces the variables of a string and notes unset ones, without
// the library's own warnings.
func (r *report) substitute(text string, lookup template.Mapping) (string, error) {
	return template.SubstituteWithOptions(text, lookup, template.WithoutLogging,
		template.WithReplacementFunction(func(sub string, m template.Mapping, cfg *template.Config) (string, error) {
			value, ok, err := template.DefaultReplacementAppliedFunc(sub, m, cfg)
			if missing := new(template.MissingRequiredError); r.lenient && errors.As(err, &missing) {
				r.notice(position{}, "the variable %s must be set, and is not; it counts as 0", printable(missing.Variable))
				return "0", nil // good for a tag, a port and a number
			}
			if !ok && err == nil {
				name := strings.Trim(sub, "${}")
				r.notice(position{}, "the variable %s is not set; it counts as empty", printable(name))
			}
			return value, err
		}))
}
