package ctrd

import (
	"context"
	"fmt"
)

// AnonymousUsers gives the IDs of the containers of all stacks, running or not,
// that mount an anonymous volume of a stack, by the volume's name.
func (e *Engine) AnonymousUsers(ctx context.Context, stack string) (map[string][]string, error) {
	all, err := e.volumes.List()
	if err != nil {
		return nil, err
	}
	byData := map[string]string{}
	for _, v := range all {
		if v.Anonymous && v.Stack == stack {
			byData[e.volumes.Data(v.Name)] = v.Name
		}
	}
	users := map[string][]string{}
	if len(byData) == 0 {
		return users, nil
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
				users[name] = append(users[name], r.ID)
			}
		}
	}
	return users, nil
}
