package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// memos keep what the stack files came to at the last up of each stack, so that
// nothing need be worked out again while nothing has changed. They lie in the
// state folder, for root alone, and go with the stack.
type memos struct{ dirs statedir.Dirs }

func (m memos) path(stack string) string { return filepath.Join(m.dirs.Models(), stack) }

// kept is what is there of a stack, if this very program has written it.
func (m memos) kept(stack string) []byte {
	b, err := os.ReadFile(m.path(stack))
	if err != nil {
		return nil
	}
	writer, note, _ := bytes.Cut(b, []byte("\n"))
	if mine, err := programID(); err != nil || string(writer) != mine {
		return nil
	}
	return note
}

// keep writes what is to be kept; nil is nothing new. The loss of it is no
// harm, so neither is a disk that is full.
func (m memos) keep(stack string, memo *spec.Memo) {
	if memo == nil {
		return
	}
	note, err1 := memo.Bytes()
	mine, err2 := programID()
	if err1 != nil || err2 != nil {
		return
	}
	_ = statedir.WriteVolatile(m.path(stack), append([]byte(mine+"\n"), note...), 0o600)
}

// forget takes away what is kept of a stack that is gone.
func (m memos) forget(stack string) error {
	err := statedir.Remove(m.path(stack))
	_ = os.Remove(m.dirs.Models()) // refused by the kernel unless empty
	return err
}

// programID tells builds of this program apart, also those of one version.
func programID() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	info, err := os.Stat(self)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %d", version, info.Size(), info.ModTime().UnixNano()), nil
}

// recall reads the stack files, by the memo where nothing has changed.
func (g *globals) recall(ctx context.Context) (*spec.Stack, *spec.Memo, error) {
	o, err := g.specOptions()
	if err != nil {
		return nil, nil, err
	}
	d, err := g.dirs()
	if err != nil {
		return nil, nil, err
	}
	return spec.Recall(ctx, o, memos{d}.kept)
}
