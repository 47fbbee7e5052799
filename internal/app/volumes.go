package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"stackup.dev/stackup/planner"
)

// VolumeFinder knows the volumes on this machine.
type VolumeFinder interface {
	// Volumes gives the volumes of all stacks, sorted by name.
	Volumes(ctx context.Context) ([]planner.Volume, error)
}

// RemoveVolumes deletes volumes, by their names on the machine, with their
// data. One that a container uses stays, and is an error, as is one that is not
// there; the others go. removed are those that are gone.
func (a *App) RemoveVolumes(ctx context.Context, names []string) (removed []string, err error) {
	var errs []error
	for _, name := range names {
		err := a.removeVolume(ctx, name)
		if err == nil {
			removed = append(removed, name)
		}
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

// removeVolume holds the owner's lock: its up may be about to use the volume.
func (a *App) removeVolume(ctx context.Context, name string) (err error) {
	all, err := a.Engine.Volumes(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(v planner.Volume) bool { return v.Name == name })
	if i < 0 {
		return NoVolume(name)
	}
	unlock, err := a.lock(ctx, Down(all[i].Stack))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return a.Engine.RemoveVolume(ctx, all[i].Stack, name)
}

// NoVolume is the error of a volume that is not there.
func NoVolume(name string) error { return fmt.Errorf("no volume %s on this machine", name) }
