package spec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
)

// resolveEnvironment gives each enabled service its environment: env_file in
// order, then environment over it. Files pass the guard before they are opened.
func (s *scan) resolveEnvironment(p *types.Project) {
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		service := p.Services[name]
		service.Environment = service.Environment.Resolve(p.Environment.Resolve)
		vars := map[string]string{}
		for i, f := range service.EnvFiles {
			path := fmt.Sprintf("services.%s.env_file[%d]", name, i)
			if err := s.serviceEnvFile(f, service.Environment, vars); err != nil {
				s.rep.addf(s.all.find(path), path, "%s: %v", s.rep.show(f.Path), err)
			}
		}
		merged := types.Mapping(vars).ToMappingWithEquals()
		service.Environment = merged.OverrideBy(service.Environment)
		service.EnvFiles = nil // resolved: what is shown later must not be read again
		p.Services[name] = service
	}
}

// serviceEnvFile adds the variables of one file to vars.
func (s *scan) serviceEnvFile(f types.EnvFile, own types.MappingWithEquals, vars map[string]string) error {
	data, err := s.guard.read(f.Path, false)
	if notExist(err) && !bool(f.Required) {
		return nil
	}
	if err != nil {
		return err
	}
	switch f.Format {
	case "raw":
		return rawEnv(data, vars)
	case "":
	default:
		return fmt.Errorf("unknown format %q; use raw or leave it out", printable(f.Format))
	}
	lookup := func(k string) (string, bool) {
		if v, ok := s.env[k]; ok {
			return v, true
		}
		if v := own[k]; v != nil {
			return *v, true
		}
		return "", false
	}
	if err := dotenv.ParseWithFormat(bytes.NewReader(data), "", vars, lookup, ""); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "failed to read : "))
	}
	return nil
}

// rawEnv reads NAME=value lines as they are: no quotes, no variables.
func rawEnv(data []byte, vars map[string]string) error {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxFile+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return fmt.Errorf("line %d is not NAME=value", n)
		}
		vars[name] = value
	}
	return lines.Err()
}
