package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tick is a clock tick of /proc/stat in milliseconds: USER_HZ is 100 on Linux.
const tick = 10

// machineCPU is the time that all processors have worked so far, in ms.
func machineCPU() (float64, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	if len(fields) < 8 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var sum float64
	for _, i := range []int{1, 2, 3, 6, 7} { // user nice system irq softirq, not idle and iowait
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum * tick, nil
}

// shimMemory counts the shims of an engine's namespace, and their memory:
// what is shared is divided among those that share it (PSS).
func shimMemory(address, namespace string) (count, kb int, err error) {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, 0, err
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			continue // ended meanwhile
		}
		if !isShim(strings.Split(string(bytes.TrimRight(b, "\x00")), "\x00"), address, namespace) {
			continue
		}
		n, err := pss(filepath.Join(filepath.Dir(p), "smaps_rollup"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		count, kb = count+1, kb+n
	}
	return count, kb, nil
}

func isShim(args []string, address, namespace string) bool {
	return filepath.Base(args[0]) == "containerd-shim-runc-v2" &&
		slices.Contains(args, address) && slices.Contains(args, namespace)
}

func pss(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			return strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		}
	}
	return 0, fmt.Errorf("no Pss in %s", path)
}
