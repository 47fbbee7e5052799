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
	Prepares   = "dev.stackup/prepares"   // of a hook of pre_start: the replica that it runs for
	Renewed    = "dev.stackup/renewed"    // the generation that its anonymous volumes were made anew for
	Endpoint   = "dev.stackup/endpoint"   // JSON of the network endpoint
	Mounts     = "dev.stackup/mounts"     // on a container's snapshot: how many images it mounts
	// BuildInputs is on images that were built: JSON of what went into them.
	BuildInputs = "dev.stackup/build-inputs"
)

// ConfigFiles is docker compose's key of the stack files, separated by commas.
const ConfigFiles = "com.docker.compose.project.config_files"

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
	Prepares   int    // 0 for all but hooks of pre_start
	Renewed    int    // 0 for all but those whose anonymous volumes were made anew
	Files      string // stack files, as JoinFiles gives them
}

// Encode gives the labels of an identity: ours, and those that other tools of
// this ecosystem read.
func Encode(i Identity) map[string]string {
	n := strconv.Itoa(i.Ref.Index)
	out := map[string]string{
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
		ConfigFiles:                              i.Files,
		"com.docker.compose.service":             i.Ref.Name,
		"com.docker.compose.container-number":    n,
		"com.docker.compose.config-hash":         i.Hash,
		"com.docker.compose.oneoff":              oneOff(i.Ref),
		"nerdctl/name":                           i.Name,
	}
	if i.Prepares > 0 {
		out[Prepares] = strconv.Itoa(i.Prepares)
	}
	if i.Renewed > 0 {
		out[Renewed] = strconv.Itoa(i.Renewed)
	}
	return out
}

// JoinFiles separates paths by commas. It leaves out what would not fit into a
// label of containerd's.
func JoinFiles(paths []string) string {
	var text string
	for i, p := range paths {
		if i > 0 {
			p = "," + p
		}
		if len(text)+len(p) > 3000 {
			break
		}
		text += p
	}
	return text
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
	prepares, _ := strconv.Atoi(m[Prepares]) // not there, mostly
	renewed, _ := strconv.Atoi(m[Renewed])   // likewise
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
		Prepares:   prepares,
		Renewed:    renewed,
		Files:      m[ConfigFiles],
	}, true
}
