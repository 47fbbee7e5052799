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

// resolveEnvironment gives each enabled service, hook and job its environment:
// env_file in order, then environment over it. Files pass the guard before they
// are opened.
func (s *scan) resolveEnvironment(p *types.Project) {
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		v := p.Services[name]
		s.environmentOf("services."+name, &v.ContainerSpec, p)
		for i := range v.PreStart {
			s.environmentOf(fmt.Sprintf("services.%s.pre_start[%d]", name, i), &v.PreStart[i].ContainerSpec, p)
		}
		p.Services[name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(p.Jobs)) {
		j := p.Jobs[name]
		s.environmentOf("jobs."+name, &j.ContainerSpec, p)
		p.Jobs[name] = j
	}
}

func (s *scan) environmentOf(at string, c *types.ContainerSpec, p *types.Project) {
	c.Environment = c.Environment.Resolve(p.Environment.Resolve)
	vars := map[string]string{}
	for i, f := range c.EnvFiles {
		path := fmt.Sprintf("%s.env_file[%d]", at, i)
		if err := s.serviceEnvFile(f, c.Environment, vars); err != nil {
			s.rep.addf(s.all.find(path), path, "%s: %v", s.rep.show(f.Path), err)
		}
	}
	merged := types.Mapping(vars).ToMappingWithEquals()
	c.Environment = merged.OverrideBy(c.Environment)
	c.EnvFiles = nil // resolved: what is shown later must not be read again
}

// serviceEnvFile adds the variables of one file to vars.
func (s *scan) serviceEnvFile(f types.EnvFile, own types.MappingWithEquals, vars map[string]string) error {
	data, err := s.guard.content(absFrom(s.dir, f.Path), false)
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
	return dotenvInto(vars, data, lookup)
}

// EnvFile reads a file of variables that somebody names on a command line, as
// env_file is read, and gives its lines as NAME=value, by name. lookup is what
// ${NAME} means in it.
func EnvFile(path string, lookup func(name string) (string, bool)) ([]string, error) {
	data, err := (&guard{}).read(path, true)
	if err != nil {
		return nil, fmt.Errorf("environment file %s: %w", printable(path), err)
	}
	vars := map[string]string{}
	if err := dotenvInto(vars, data, lookup); err != nil {
		return nil, fmt.Errorf("environment file %s: %w", printable(path), err)
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		out = append(out, name+"="+vars[name])
	}
	return out, nil
}

// dotenvInto reads NAME=value lines with quotes and variables.
func dotenvInto(vars map[string]string, data []byte, lookup dotenv.LookupFn) error {
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
