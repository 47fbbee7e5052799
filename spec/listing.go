package spec

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Listing gives names out of the stack's files, sorted, one entry each: services,
// networks, volumes, images, profiles, or environment (NAME=value, as the files
// are resolved with). It checks what Load checks.
func Listing(ctx context.Context, o Options, what string) ([]string, error) {
	project, stack, err := load(ctx, o)
	if err != nil {
		return nil, err
	}
	var out []string
	switch what {
	case "services":
		out = slices.Collect(maps.Keys(project.Services))
	case "networks":
		out = slices.Collect(maps.Keys(project.Networks))
	case "volumes":
		out = slices.Collect(maps.Keys(project.Volumes))
	case "images":
		for _, v := range stack.Services {
			if v.Image != "" {
				out = append(out, shortImage(v.Image))
			}
		}
	case "models":
		for _, v := range project.Models {
			out = append(out, v.Model)
		}
	case "profiles":
		for _, v := range project.AllServices() {
			out = append(out, v.Profiles...)
		}
	case "environment":
		for name, value := range project.Environment {
			out = append(out, name+"="+value)
		}
	default:
		return nil, fmt.Errorf("internal: no listing of %s", what)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// shortImage is a reference as people write it.
func shortImage(ref string) string {
	ref = strings.TrimPrefix(ref, "docker.io/")
	return strings.TrimPrefix(ref, "library/")
}

// selected leaves the services named, with what they depend on; all for none.
func selected(p *types.Project, names []string) (*types.Project, error) {
	if len(names) == 0 {
		return p, nil
	}
	for _, name := range names {
		if _, ok := p.Services[name]; !ok {
			return nil, fmt.Errorf("service %s: no such service in stack %s", printable(name), p.Name)
		}
	}
	return p.WithSelectedServices(names)
}
