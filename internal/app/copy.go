package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/tree"
	"stackup.dev/stackup/planner"
)

// Copier opens containers' files.
type Copier interface {
	// Files lets use see the files of a container, running or not.
	Files(ctx context.Context, id string, use func(*tree.Root) error) error
	// Mirror makes paths of a container what others, by these targets, are on this
	// machine; lazy spares those that look the same. notes tell what was left out.
	Mirror(ctx context.Context, id string, targets map[string]string, lazy bool) (notes []string, err error)
}

// Copying is one copy between this machine and the containers of a service.
type Copying struct {
	Service string
	Index   int    // of the replica; 0 for the first one, or for all when copying into them
	All     bool   // those of run, too
	Inside  string // path in the container
	Outside string // path on this machine; empty: Archive
	Into    bool   // into the containers, or out of the first
	Archive io.ReadWriter
	Options tree.Options
}

// Copy carries out a copy. It needs no lock: a container that is replaced
// meanwhile is the user's to know of.
func (a *App) Copy(ctx context.Context, stack string, c Copying) error {
	list, err := a.copied(ctx, stack, c)
	if err != nil {
		return err
	}
	if !c.Into {
		list = list[:1]
	}
	if c.Into && c.Outside == "" && len(list) > 1 {
		return fmt.Errorf("service %q has %d containers, and an archive is read once: choose one by --index", c.Service, len(list))
	}
	var errs []error
	for _, b := range list {
		err := a.Engine.Files(ctx, b.ID, func(root *tree.Root) error { return c.between(root) })
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", b.Name, err))
		}
	}
	return errors.Join(errs...)
}

// copied are the containers of a service, each replica's newest or the one that
// runs, by index.
func (a *App) copied(ctx context.Context, stack string, c Copying) ([]inspect.Container, error) {
	all, err := a.Engine.List(ctx, stack)
	if err != nil {
		return nil, err
	}
	var out []inspect.Container
	for _, b := range all {
		oneOff := b.Ref.Index == planner.OneOff
		if b.Ref.Name != c.Service || b.Partial || c.Index > 0 && b.Ref.Index != c.Index || oneOff && !c.All {
			continue
		}
		same := func(o inspect.Container) bool { return !oneOff && o.Ref.Index == b.Ref.Index }
		i := slices.IndexFunc(out, same)
		switch {
		case i < 0:
			out = append(out, b)
		case better(b, out[i]):
			out[i] = b
		}
	}
	slices.SortStableFunc(out, func(a, b inspect.Container) int { return rank(a) - rank(b) })
	switch {
	case len(out) > 0:
		return out, nil
	case c.Index > 0:
		return nil, fmt.Errorf("service %q has no container #%d", c.Service, c.Index)
	default:
		return nil, fmt.Errorf("no container found for service %q", c.Service)
	}
}

func better(b, than inspect.Container) bool {
	if live := b.Task == planner.TaskRunning; live != (than.Task == planner.TaskRunning) {
		return live
	}
	return b.Generation > than.Generation
}

// rank puts replicas in order, and those of run last.
func rank(b inspect.Container) int {
	if b.Ref.Index == planner.OneOff {
		return 1 << 30
	}
	return b.Ref.Index
}

func (c Copying) between(inside *tree.Root) (err error) {
	if c.Outside == "" && c.Into {
		return inside.Unpack(c.Archive, c.Inside, c.Options)
	}
	if c.Outside == "" {
		return inside.Pack(c.Archive, c.Inside, c.Options)
	}
	here, err := tree.Machine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, here.Close()) }()
	if c.Into {
		return tree.Copy(here, c.Outside, inside, c.Inside, c.Options)
	}
	return tree.Copy(inside, c.Inside, here, c.Outside, c.Options)
}
