// Package statedir knows where stackup keeps its files, locks them per stack
// and writes them whole.
package statedir

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strconv"
)

// The default places; --root/STACKUP_ROOT and --state/STACKUP_STATE move them.
const (
	DefaultRoot  = "/var/lib/stackup"
	DefaultState = "/run/stackup"
)

// Dirs is one pair of root (survives a reboot) and state (does not).
// Two pairs are two worlds that never meet.
type Dirs struct {
	Root  string // absolute
	State string // absolute
}

// New makes both paths absolute.
func New(root, state string) (Dirs, error) {
	r, err := filepath.Abs(root)
	if err != nil {
		return Dirs{}, err
	}
	s, err := filepath.Abs(state)
	if err != nil {
		return Dirs{}, err
	}
	if r == s {
		return Dirs{}, fmt.Errorf("root and state must be different folders, both are %s", r)
	}
	return Dirs{Root: r, State: s}, nil
}

// Tag is a short name of this world, empty for the default one. It keeps
// bridges, nftables tables and containerd namespaces of different worlds apart.
func (d Dirs) Tag() string {
	if d.Root == DefaultRoot {
		return ""
	}
	sum := sha256.Sum256([]byte(d.Root))
	return hex.EncodeToString(sum[:3])
}

// Namespace is the containerd namespace of this world.
func (d Dirs) Namespace() string { return d.tagged("stackup") }

// NftTable is the name of this world's nftables table.
func (d Dirs) NftTable() string { return d.tagged("stackup") }

func (d Dirs) tagged(s string) string {
	if t := d.Tag(); t != "" {
		return s + "-" + t
	}
	return s
}

// Socket is where the embedded engine listens.
func (d Dirs) Socket() string { return filepath.Join(d.State, "engine.sock") }

// EngineRoot is the embedded engine's persistent folder.
func (d Dirs) EngineRoot() string { return filepath.Join(d.Root, "engine") }

// EngineState is the embedded engine's volatile folder.
func (d Dirs) EngineState() string { return filepath.Join(d.State, "engine") }

// ShimSockets holds the sockets of the embedded engine's shims; its name is
// short, as their paths are limited.
func (d Dirs) ShimSockets() string { return filepath.Join(d.State, "s") }

// EngineLog is the embedded engine's log file.
func (d Dirs) EngineLog() string { return filepath.Join(d.Root, "engine.log") }

// EngineChoice is the record of the engine that the stacks live on.
func (d Dirs) EngineChoice() string { return filepath.Join(d.Root, "engine.json") }

// RuncRoot is the OCI runtime's own state folder.
func (d Dirs) RuncRoot() string { return filepath.Join(d.State, "runc") }

// Events is the record of what has happened.
func (d Dirs) Events() string { return filepath.Join(d.Root, "events.jsonl") }

// HelpersLog is where supervisor and logger say what goes wrong.
func (d Dirs) HelpersLog() string { return filepath.Join(d.Root, "helpers.log") }

// Networks holds one record per network.
func (d Dirs) Networks() string { return filepath.Join(d.Root, "networks") }

// Volumes holds one folder per volume.
func (d Dirs) Volumes() string { return filepath.Join(d.Root, "volumes") }

// Providers is where it is recorded what other programs have stood up.
func (d Dirs) Providers() string { return filepath.Join(d.Root, "providers") }

// VolumeUsers holds a folder for each volume that has a file system mounted,
// with an empty file for each container that uses it.
func (d Dirs) VolumeUsers() string { return filepath.Join(d.State, "volumes") }

// Disk holds the disk of a container whose own layer is bounded.
func (d Dirs) Disk(id string) string { return filepath.Join(d.Root, "disks", id) }

// Logs holds one folder per container.
func (d Dirs) Logs() string { return filepath.Join(d.Root, "logs") }

// Endpoints holds one record per attached container.
func (d Dirs) Endpoints() string { return filepath.Join(d.State, "endpoints") }

// Netns holds one mounted network namespace per container.
func (d Dirs) Netns() string { return filepath.Join(d.State, "netns") }

// CNICache is the CNI library's result cache.
func (d Dirs) CNICache() string { return filepath.Join(d.State, "cni") }

// IO holds one folder of FIFOs per container.
func (d Dirs) IO() string { return filepath.Join(d.State, "io") }

// Exec holds the FIFOs of the exec calls of one process of ours.
func (d Dirs) Exec(pid int) string { return filepath.Join(d.State, "exec", strconv.Itoa(pid)) }

// Mounts holds the passing mounts of one process of ours.
func (d Dirs) Mounts(pid int) string { return filepath.Join(d.State, "mounts", strconv.Itoa(pid)) }

// Shim is the folder in which a stack's shim of the embedded engine runs.
func (d Dirs) Shim(stack string) string { return filepath.Join(d.State, "shims", stack) }

// Granted holds the configs and secrets of a container, in memory.
func (d Dirs) Granted(id string) string { return filepath.Join(d.State, "granted", id) }

// Models holds what the files of each stack came to at its last up.
func (d Dirs) Models() string { return filepath.Join(d.State, "models") }

// Container is the folder of one container's small files: hosts, resolv.conf, hostname, health.
func (d Dirs) Container(id string) string { return filepath.Join(d.State, "containers", id) }

// BuildLock is the lock that whoever has BuildKit run holds.
const BuildLock = "buildkit"

// BuildCache is BuildKit's persistent folder: what builds can be spared.
func (d Dirs) BuildCache() string { return filepath.Join(d.Root, "buildkit") }

// Build holds the socket and passing files of BuildKit while it runs.
func (d Dirs) Build() string { return filepath.Join(d.State, "buildkit") }

// BuildInputs remembers what folders that builds read have summed up to.
func (d Dirs) BuildInputs() string { return filepath.Join(d.State, "inputs") }
