package report

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is where a run was made.
type Machine struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Memory  int64  `json:"memory_bytes"`
	Kernel  string `json:"kernel"`
	System  string `json:"system"`
	Cgroups int    `json:"cgroups"` // version of control groups
	Load    string `json:"load"`    // averages of 1, 5 and 15 minutes before: others' work
}

// String is one line.
func (m Machine) String() string {
	return fmt.Sprintf("%d × %s, %.0f GB, kernel %s, %s, control groups v%d; load before: %s",
		m.Cores, m.CPU, float64(m.Memory)/1e9, m.Kernel, m.System, m.Cgroups, m.Load)
}

// ThisMachine describes this one; what it does not tell stays "unknown".
func ThisMachine() Machine {
	m := Machine{
		CPU: field("/proc/cpuinfo", "model name", ":"), Cores: runtime.NumCPU(), Kernel: "unknown",
		System: strings.Trim(field("/etc/os-release", "PRETTY_NAME", "="), `"`), Cgroups: 1, Load: load(),
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.Memory = int64(info.Totalram) * int64(info.Unit)
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		m.Cgroups = 2
	}
	return m
}

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if words := strings.Fields(string(b)); err == nil && len(words) > 2 {
		return strings.Join(words[:3], " ")
	}
	return "unknown"
}

// field finds the value of a key in a file of lines.
func field(path, key, separator string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer func() { _ = f.Close() }() // only read from
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), separator); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}
