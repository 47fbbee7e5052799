// Package labels is the one place where label keys of stackup are written.
// Labels on containerd's containers and snapshots are the truth about what
// belongs to which stack.
package labels

import (
	"strconv"
	"strings"

	"stackup.dev/stackup/planner"
)

// The keys of stackup's own labels.
const (
	Stack      = "dev.stackup/stack"      // stack name; what has it is ours
	Service    = "dev.stackup/service"    // service name
	Index      = "dev.stackup/index"      // replica, from 1
	Generation = "dev.stackup/generation" // incarnation, from 1
	Hash       = "dev.stackup/hash"       // spec hash
	Digest     = "dev.stackup/digest"     // image manifest digest
	Name       = "dev.stackup/name"       // visible name
	Dir        = "dev.stackup/dir"        // project directory
	Desired    = "dev.stackup/desired"    // DesiredRunning or DesiredStopped
	Endpoint   = "dev.stackup/endpoint"   // JSON of the network endpoint
	// BuildInputs is on images that were built: JSON of what went into them.
	BuildInputs = "dev.stackup/build-inputs"
)

// The values of Desired: what the last command wanted of the container.
const (
	DesiredRunning = "running"
	DesiredStopped = "stopped"
)

// prefix begins all keys that nobody but stackup writes.
const prefix = "dev.stackup/"

// Ours says whether stackup itself writes labels of that key: a stack file
// cannot set them.
func Ours(key string) bool {
	_, ok := Encode(Identity{})[key]
	return ok || strings.HasPrefix(key, prefix)
}

// Identity is what labels say of a container.
type Identity struct {
	Stack      string
	Ref        planner.Ref
	Generation int
	Hash       string
	Digest     string
	Name       string
	Dir        string
}

// Encode gives the labels of an identity: ours, and those that other tools of
// this ecosystem read.
func Encode(i Identity) map[string]string {
	n := strconv.Itoa(i.Ref.Index)
	return map[string]string{
		Stack:      i.Stack,
		Service:    i.Ref.Name,
		Index:      n,
		Generation: strconv.Itoa(i.Generation),
		Hash:       i.Hash,
		Digest:     i.Digest,
		Name:       i.Name,
		Dir:        i.Dir,

		"com.docker.compose.project":             i.Stack,
		"com.docker.compose.project.working_dir": i.Dir,
		"com.docker.compose.service":             i.Ref.Name,
		"com.docker.compose.container-number":    n,
		"com.docker.compose.config-hash":         i.Hash,
		"com.docker.compose.oneoff":              oneOff(i.Ref),
		"nerdctl/name":                           i.Name,
	}
}

func oneOff(r planner.Ref) string {
	if r.Index == planner.OneOff {
		return "True"
	}
	return "False"
}

// Decode reads an identity back; ok is false for what is not ours.
func Decode(m map[string]string) (i Identity, ok bool) {
	index, err1 := strconv.Atoi(m[Index])
	generation, err2 := strconv.Atoi(m[Generation])
	if m[Stack] == "" || m[Service] == "" || err1 != nil || err2 != nil {
		return Identity{}, false
	}
	return Identity{
		Stack:      m[Stack],
		Ref:        planner.Ref{Kind: planner.KindContainer, Name: m[Service], Index: index},
		Generation: generation,
		Hash:       m[Hash],
		Digest:     m[Digest],
		Name:       m[Name],
		Dir:        m[Dir],
	}, true
}
