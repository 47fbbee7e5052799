package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"stackup.dev/stackup/internal/statedir"
)

// The kinds of engine.
const (
	Embedded = "embedded" // ours, started by need
	System   = "system"   // a containerd that somebody else runs
)

// systemSocket is where a distribution's containerd listens.
const systemSocket = "/run/containerd/containerd.sock"

// choiceVersion is the version of the choice's file.
const choiceVersion = 1

// Choice is the engine that a machine's stacks live on.
type Choice struct {
	Kind     string // Embedded or System
	Address  string // its socket's path
	UUID     string // containerd's own identity, whatever its address; empty if not known
	Recorded bool   // read from the record of an earlier Record
}

// Choose picks the engine: flagAddress; else STACKUP_ADDRESS; else
// CONTAINERD_ADDRESS; else the recorded one, so that a containerd installed
// later never hides a running stack; else a system containerd, 1.6 or newer,
// that answers within a second; else the embedded engine. Only the system
// containerd is asked; whether the others answer shows when they are used.
func Choose(ctx context.Context, d statedir.Dirs, flagAddress string, environ func(string) string) (Choice, error) {
	return choose(ctx, d, systemSocket, flagAddress, environ("STACKUP_ADDRESS"), environ("CONTAINERD_ADDRESS"))
}

func choose(ctx context.Context, d statedir.Dirs, system string, addresses ...string) (Choice, error) {
	for _, a := range addresses {
		if a != "" {
			return at(d, strings.TrimPrefix(a, "unix://")), nil
		}
	}
	c, err := recorded(d)
	if err != nil || c.Recorded {
		return c, err
	}
	if v, err := Ping(ctx, system); err == nil && recentEnough(v) {
		return Choice{Kind: System, Address: system}, nil
	}
	return Choice{Kind: Embedded, Address: d.Socket()}, nil
}

// at is the engine at an address that somebody named.
func at(d statedir.Dirs, address string) Choice {
	if address == d.Socket() {
		return Choice{Kind: Embedded, Address: address}
	}
	return Choice{Kind: System, Address: address}
}

// recentEnough says whether version is 1.6 or newer.
func recentEnough(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (major > 1 || major == 1 && minor >= 6)
}

// same says whether two choices are one engine, under whatever address.
func (c Choice) same(o Choice) bool {
	return c.Address == o.Address || c.UUID != "" && c.UUID == o.UUID
}

type choiceFile struct {
	Version int    `json:"version"`
	Kind    string `json:"kind"`
	Address string `json:"address"`
	UUID    string `json:"uuid,omitempty"`
}

// recordLock guards the record of the choice.
const recordLock = "engine-record"

// Record remembers the choice for later commands. A record of the same engine
// under another address stays. Who changes a stack has its lock, by which Forget knows.
func Record(ctx context.Context, d statedir.Dirs, c Choice) (err error) {
	lock, err := d.Lock(ctx, recordLock, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if old, err := recorded(d); err == nil && old.Recorded && old.UUID != "" && old.UUID == c.UUID {
		return nil
	}
	b, err := json.Marshal(choiceFile{Version: choiceVersion, Kind: c.Kind, Address: c.Address, UUID: c.UUID})
	if err != nil {
		return err
	}
	return statedir.WriteFile(d.EngineChoice(), append(b, '\n'), 0o600)
}

// Forget takes the record of that engine away, as when its last stack is gone. The record
// of another one stays, and so does one that somebody needs who is at work on a stack.
func Forget(ctx context.Context, d statedir.Dirs, c Choice, stack string) (err error) {
	lock, err := d.Lock(ctx, recordLock, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if d.StacksBusy(stack) { // it has the record already, or writes it after this
		return nil
	}
	old, err := recorded(d)
	if err != nil || old.Recorded && !old.same(c) {
		return err
	}
	return statedir.Remove(d.EngineChoice())
}

// Recorded gives the engine that the stacks of this root live on; its Recorded
// is false if there is none.
func Recorded(d statedir.Dirs) (Choice, error) { return recorded(d) }

// recorded reads the record. A moved state folder moves the embedded engine's
// socket with it.
func recorded(d statedir.Dirs) (Choice, error) {
	b, err := os.ReadFile(d.EngineChoice())
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return Choice{}, nil
	}
	if err != nil {
		return Choice{}, err
	}
	var f choiceFile
	if err := json.Unmarshal(b, &f); err != nil {
		return Choice{}, fmt.Errorf("%s: %w (remove the file to choose the engine anew)", d.EngineChoice(), err)
	}
	switch {
	case f.Version != choiceVersion:
		return Choice{}, fmt.Errorf("%s has version %d, this stackup knows version %d: use the stackup that wrote it", d.EngineChoice(), f.Version, choiceVersion)
	case f.Kind == Embedded:
		return Choice{Kind: Embedded, Address: d.Socket(), UUID: f.UUID, Recorded: true}, nil
	case f.Kind == System && f.Address != "":
		return Choice{Kind: System, Address: f.Address, UUID: f.UUID, Recorded: true}, nil
	}
	return Choice{}, fmt.Errorf("%s names no engine (remove the file to choose anew)", d.EngineChoice())
}
