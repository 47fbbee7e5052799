package main

import (
	"fmt"
	"os"
	"testing"
)

func TestReadOnlyOf(t *testing.T) {
	const file = "/opt/stackup"
	tests := map[string]struct {
		line string
		from uintptr
		size uintptr
		ok   bool
	}{
		"code":          {"00400000-01346000 r-xp 00000000 fe:00 9995671   /opt/stackup", 0x400000, 0xf46000, true},
		"constants":     {"01346000-023e1000 r--p 00f46000 fe:00 9995671   /opt/stackup", 0x1346000, 0x109b000, true},
		"variables":     {"023e1000-0248d000 rw-p 01fe1000 fe:00 9995671   /opt/stackup", 0, 0, false},
		"another file":  {"00400000-01346000 r-xp 00000000 fe:00 9995671   /opt/other", 0, 0, false},
		"no file":       {"c00d0000000-c00d1800000 ---p 00000000 00:00 0 ", 0, 0, false},
		"half a line":   {"00400000 r-xp 00000000 fe:00 9995671   /opt/stackup", 0, 0, false},
		"its end first": {"01346000-00400000 r-xp 00000000 fe:00 9995671   /opt/stackup", 0, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			from, size, ok := readOnlyOf(file, tt.line)
			if from != tt.from || size != tt.size || ok != tt.ok {
				t.Errorf("%x %x %t, want %x %x %t", from, size, ok, tt.from, tt.size, tt.ok)
			}
		})
	}
}

// TestUnmapProgram: the program goes on, with fewer pages of its file.
func TestUnmapProgram(t *testing.T) {
	before := filePages(t)
	unmapProgram()
	if after := filePages(t); after >= before {
		t.Errorf("%d pages of files, before %d", after, before)
	}
}

// filePages are the pages of files that this process has mapped (proc_pid_statm(5)).
func filePages(t *testing.T) (n int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(b), &size, &resident, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
