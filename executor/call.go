package executor

import (
	"context"
	"fmt"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

// call makes the one engine call that a step stands for.
func (w *walk) call(ctx context.Context, n *node) error {
	s := n.step
	switch s.Op {
	case planner.OpPull:
		tell, stop := w.progress(n)
		defer stop()
		return w.x.Engine.Pull(ctx, s.Object, s.Digest, func(done, total int64) { tell(event.Event{Done: done, Total: total}) })
	case planner.OpLoad:
		return w.load(ctx, s)
	case planner.OpBuild:
		return w.build(ctx, n)
	case planner.OpPush:
		return w.x.Engine.Push(ctx, s.Object)
	case planner.OpCreate:
		return w.create(ctx, s)
	case planner.OpUpdate:
		if s.Ref.Kind == planner.KindVolume {
			return w.create(ctx, s)
		}
		c, err := SpecFor(w.plan, s)
		if err != nil {
			return err
		}
		return w.x.Engine.Update(ctx, s.Object, c)
	case planner.OpStart:
		return w.x.Engine.Start(ctx, s.Object)
	case planner.OpHook:
		c, err := hookFor(w.plan, s)
		if err != nil {
			return err
		}
		return w.x.Engine.RunToEnd(ctx, c)
	case planner.OpWait:
		return w.x.Engine.Wait(ctx, s.Object, s.Until)
	case planner.OpStop:
		return w.x.Engine.Stop(ctx, s.Object, s.Grace)
	case planner.OpRemove:
		return w.remove(ctx, s)
	case planner.OpRepair:
		return w.x.Engine.RepairNetwork(ctx, s.Object)
	case planner.OpKill:
		return w.x.Engine.Kill(ctx, s.Object, s.Signal)
	case planner.OpPause:
		return w.x.Engine.Pause(ctx, s.Object)
	case planner.OpUnpause:
		return w.x.Engine.Unpause(ctx, s.Object)
	default:
		return fmt.Errorf("internal: no such operation %q", s.Op)
	}
}

func (w *walk) create(ctx context.Context, s planner.Step) error {
	switch s.Ref.Kind {
	case planner.KindNetwork:
		n, err := networkFor(w.plan, s.Ref.Name)
		if err != nil {
			return err
		}
		return w.x.Engine.CreateNetwork(ctx, w.plan.Stack, n)
	case planner.KindVolume:
		v, err := volumeFor(w.plan, s.Ref.Name)
		if err != nil {
			return err
		}
		return w.x.Engine.CreateVolume(ctx, w.plan.Stack, v)
	case planner.KindContainer:
		c, err := SpecFor(w.plan, s)
		if err != nil {
			return err
		}
		return w.x.Engine.Create(ctx, c)
	case planner.KindImage:
	}
	return fmt.Errorf("internal: cannot create a thing of kind %q", s.Ref.Kind)
}

func (w *walk) remove(ctx context.Context, s planner.Step) error {
	switch s.Ref.Kind {
	case planner.KindNetwork:
		return w.x.Engine.RemoveNetwork(ctx, w.plan.Stack, s.Object)
	case planner.KindVolume:
		return w.x.Engine.RemoveVolume(ctx, w.plan.Stack, s.Object)
	case planner.KindContainer:
		return w.x.Engine.Remove(ctx, s.Object)
	case planner.KindImage:
	}
	return fmt.Errorf("internal: cannot remove a thing of kind %q", s.Ref.Kind)
}
