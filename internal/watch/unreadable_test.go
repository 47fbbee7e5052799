package watch

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// asNobody is set in the run of this test by somebody who may not read all.
const asNobody = "STACKUP_TEST_AS_NOBODY"

// TestUnreadableFolder: a folder that may not be read, ignored or not, keeps nobody
// from watching the others. Root may read all, so it is another user who watches.
func TestUnreadableFolder(t *testing.T) {
	if dir := os.Getenv(asNobody); dir != "" {
		watchesBeside(t, dir)
		return
	}
	if os.Geteuid() != 0 {
		watchesBeside(t, t.TempDir())
		return
	}
	dir, err := os.MkdirTemp("", "unreadable") //nolint:usetesting // the other user must come to it
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755))
	self, tree := filepath.Join(dir, "self"), filepath.Join(dir, "tree")
	in, err := os.Open("/proc/self/exe")
	must(t, err)
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(self, os.O_CREATE|os.O_WRONLY, 0o755)
	must(t, err)
	_, err = io.Copy(out, in)
	must(t, err)
	must(t, out.Close())
	must(t, os.Mkdir(tree, 0o755))
	must(t, os.Chown(tree, 65534, 65534))
	c := exec.Command(self, "-test.run=^TestUnreadableFolder$", "-test.v")
	c.Dir, c.Env = dir, append(os.Environ(), asNobody+"="+tree)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if said, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

func watchesBeside(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, "src/page")
	put(t, file, "one")
	for _, name := range []string{"ignored", "shut"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0))
	}
	h := listen(t, 0, filter(t, dir, "ignored"))
	put(t, file, "two")
	h.tells("beside folders that may not be read", file)
}
