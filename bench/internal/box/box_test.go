package box

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain is also the program that runs in the box.
func TestMain(m *testing.M) {
	Enter()
	if In() {
		os.Exit(boxed())
	}
	os.Exit(m.Run())
}

// lasting is a command line that only this test uses.
const lasting = "98765.125"

// boxed starts what would outlast it, and says what it sees.
func boxed() int {
	c := exec.Command("sleep", lasting)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	links, err := net.Interfaces()
	if err != nil || c.Start() != nil || len(links) != 1 || links[0].Flags&net.FlagUp == 0 {
		return 1
	}
	if entries, err := os.ReadDir("/var/lib/cni"); err != nil || len(entries) > 0 {
		return 2
	}
	return 7
}

func TestABoxTakesAllAlong(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
	_, before := os.Stat("/var/lib/cni")
	code, err := Run(nil)
	if err != nil || code != 7 {
		t.Fatalf("Run = %d, %v, want 7", code, err)
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range lines {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), lasting) {
			t.Errorf("%s has outlasted the box", f)
		}
	}
	if _, after := os.Stat("/var/lib/cni"); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("/var/lib/cni: %v before, %v after", before, after)
	}
}
