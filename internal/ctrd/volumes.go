package ctrd

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/containerd/containerd/v2/core/containers"

	"stackup.dev/stackup/planner"
)

// Volumes gives the volumes of all stacks, sorted by name.
func (e *Engine) Volumes(context.Context) ([]planner.Volume, error) { return e.volumes.List() }

// AnonymousUsers gives the IDs of the containers of all stacks, running or not,
// that mount an anonymous volume of a stack, by the volume's name.
func (e *Engine) AnonymousUsers(ctx context.Context, stack string) (map[string][]string, error) {
	all, err := e.volumes.List()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(v planner.Volume) bool { return !v.Anonymous || v.Stack != stack })
	return e.volumeUsers(ctx, all, func(r containers.Container) string { return r.ID })
}

// volumeUsers gives what call names the containers, running or not, that mount one
// of these volumes, by the volume's name. It goes by the mounts that containers
// were really made with: an anonymous volume is named nowhere else.
func (e *Engine) volumeUsers(ctx context.Context, volumes []planner.Volume, call func(containers.Container) string) (map[string][]string, error) {
	users := map[string][]string{}
	if len(volumes) == 0 {
		return users, nil
	}
	byData := map[string]string{}
	for _, v := range volumes {
		byData[e.volumes.Data(v.Name)] = v.Name
	}
	recs, err := e.containers(e.ctx(ctx), "")
	if err != nil {
		return nil, err
	}
	for _, r := range recs {
		sources, err := mountSources(r)
		if err != nil {
			return nil, fmt.Errorf("container %s: its mounts cannot be read: %w", r.ID, err)
		}
		for _, s := range sources {
			if name := volumeAbove(byData, s); name != "" {
				users[name] = append(users[name], call(r))
			}
		}
	}
	return users, nil
}

// volumeAbove finds the volume that a path is in, as the whole of it or a
// folder below (volume.subpath).
func volumeAbove(byData map[string]string, path string) string {
	for path = filepath.Clean(path); len(path) > 1; path = filepath.Dir(path) {
		if name, ok := byData[path]; ok {
			return name
		}
	}
	return ""
}

// mountSources reads nothing but the mounts out of the OCI spec.
func mountSources(r containers.Container) ([]string, error) {
	var s struct {
		Mounts []struct {
			Source string `json:"source"`
		} `json:"mounts"`
	}
	if r.Spec == nil { // it has never been made to run anything
		return nil, nil
	}
	if err := json.Unmarshal(r.Spec.GetValue(), &s); err != nil {
		return nil, err
	}
	var out []string
	for _, m := range s.Mounts {
		out = append(out, m.Source)
	}
	return out, nil
}
