package ctrd

import (
	"context"
	"encoding/json"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"stackup.dev/stackup/internal/tree"
)

// Mirror makes paths of a container, running or not, what others are on this
// machine, as tree.Root.Mirror has it; all is the user's as whom it runs.
func (e *Engine) Mirror(ctx context.Context, id string, targets map[string]string, lazy bool) (notes []string, err error) {
	rec, err := e.client.ContainerService().Get(e.ctx(ctx), id)
	if err != nil {
		return nil, err
	}
	var s struct {
		Process specs.Process `json:"process"`
	}
	if err := json.Unmarshal(rec.Spec.GetValue(), &s); err != nil {
		return nil, err
	}
	o := tree.Mirroring{UID: int(s.Process.User.UID), GID: int(s.Process.User.GID), Lazy: lazy}
	err = e.Files(ctx, id, func(root *tree.Root) (err error) {
		notes, err = root.Mirror(targets, o)
		return err
	})
	return notes, err
}
