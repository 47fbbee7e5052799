package tool

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
)

// group is a name for a tool's control groups that only this run has.
func (p Place) group(name string) string { return filepath.Base(p.Dir) + "-" + name }

// Groups are the topmost control groups that the tools of a run may leave
// behind, if they are interrupted: names that nobody else can have.
func (p Place) Groups() (all []string) {
	for _, name := range []string{"docker", "nerdctl", "floor-one", "floor-each"} {
		all = append(all, p.group(name))
	}
	for _, name := range []string{"stackup", "stackup-system"} {
		root := sha256.Sum256([]byte(stackupAt(p, name).root())) // stackup names its own so
		all = append(all, "stackup-"+hex.EncodeToString(root[:3]))
	}
	return all
}
