//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// median of one number over some samples.
func median(samples []map[string]int, what string) int {
	var all []int
	for _, s := range samples {
		all = append(all, s[what])
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// status is a number of a process's status file (proc(5)); 0 if it is gone.
func status(pid int, field string) (n int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if _, rest, ok := strings.Cut(string(b), field); ok {
		fmt.Sscan(rest, &n)
	}
	return n
}

// zombies counts the processes of this machine that nobody has waited for.
func zombies() (n int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, _ := os.ReadFile(path)
		if strings.Contains(string(b), ") Z ") {
			n++
		}
	}
	return n
}

// lines counts what a program prints.
func lines(name string, args ...string) int {
	out, _ := exec.Command(name, args...).Output() // none is a number too
	return bytes.Count(out, []byte("\n"))
}

// diskUse is the space in KiB that the files below dir take.
func diskUse(dir string) (kib int) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if mounted(path) {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := d.Info(); err == nil {
			kib += int(info.Sys().(*syscall.Stat_t).Blocks / 2)
		}
		return nil
	})
	return kib
}

// mounted says whether a folder is on another file system than its parent.
func mounted(dir string) bool {
	var here, above syscall.Stat_t
	return syscall.Lstat(dir, &here) == nil && syscall.Lstat(filepath.Dir(dir), &above) == nil && here.Dev != above.Dev
}
