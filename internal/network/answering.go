package network

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"stackup.dev/stackup/internal/statedir"
)

// answeringFile says that somebody answers questions for names, or has died at it
// and comes back.
func (h *Host) answeringFile() string { return filepath.Join(h.Dirs.State, "answering") }

func (h *Host) answering() bool {
	_, err := os.Stat(h.answeringFile())
	return err == nil
}

// SetAnswering says whether questions for names are answered. From then on one that
// finds nobody waits, for somebody who is about to come back, instead of being
// refused; before that, and after, who asks shall go on to the next server at once.
func (h *Host) SetAnswering(ctx context.Context, is bool) error {
	unlock, err := h.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if !is {
		return errors.Join(statedir.Remove(h.answeringFile()), h.publish())
	}
	return errors.Join(statedir.WriteVolatile(h.answeringFile(), nil, 0o600), h.publish())
}
