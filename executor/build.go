package executor

import (
	"context"
	"fmt"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

func (w *walk) build(ctx context.Context, n *node) error {
	b, err := BuildFor(w.plan, n.step)
	if err != nil {
		return err
	}
	b.Options = w.x.Build
	tell, stop := w.progress(n)
	defer stop()
	return w.x.Engine.Build(ctx, b, func(line string) { tell(event.Event{Text: line}) })
}

func (w *walk) load(ctx context.Context, s planner.Step) error {
	archive := w.plan.Desired.Archive(s.Object)
	if archive == "" {
		return fmt.Errorf("internal: no service of the plan's stack has an archive with %s", s.Object)
	}
	return w.x.Engine.Load(ctx, s.Object, archive)
}

// BuildFor gives what the image of a build step is made from, out of the plan
// alone.
func BuildFor(p *planner.Plan, s planner.Step) (BuildSpec, error) {
	b := BuildSpec{Ref: s.Object, Dir: p.Desired.Dir, Images: map[string]string{}}
	for _, v := range p.Desired.Services {
		b.Images[v.Name] = v.Image
		if v.Image == s.Object && v.Build != nil && (b.Build == nil || b.Build.Asked && !v.Build.Asked) {
			b.Build = v.Build
		}
	}
	if b.Build == nil {
		return b, fmt.Errorf("internal: no service of the plan's stack builds %s", s.Object)
	}
	return b, nil
}
