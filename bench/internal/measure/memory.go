package measure

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Memory sums the proportional set sizes, in bytes, of a tool's processes:
// those whose program or command line names one of its folders, and their
// children. Containers' own processes, which run line, do not count.
func Memory(line string, folders ...string) (bytes int64, parts map[string]int64, err error) {
	all, err := processes()
	if err != nil {
		return 0, nil, err
	}
	parts = map[string]int64{}
	for _, p := range belonging(all, folders) {
		if p.line == line {
			continue
		}
		pss, err := pssOf(p.pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		bytes += pss
		parts[name(p)] += pss
	}
	return bytes, parts, nil
}

// belonging picks the processes of some folders, and all below them.
func belonging(all []process, folders []string) (own []process) {
	byPID := map[int]process{}
	for _, p := range all {
		byPID[p.pid] = p
	}
	named := func(p process) bool {
		return slices.ContainsFunc(folders, func(f string) bool {
			return strings.Contains(p.line+" ", f+"/") || strings.Contains(p.line+" ", f+" ") || strings.HasPrefix(p.program, f+"/")
		})
	}
	for _, p := range all {
		for up, ok := p, true; ok; up, ok = byPID[up.parent] {
			if named(up) {
				own = append(own, p)
				break
			}
		}
	}
	return own
}

// name is a process's program without folders, and its first word if that
// tells apart what one program does.
func name(p process) string {
	base := p.program[strings.LastIndexByte(p.program, '/')+1:]
	for _, word := range []string{"engine run", "__supervise", "_NERDCTL_INTERNAL_LOGGING"} {
		if strings.Contains(p.line, word) {
			return base + " " + word
		}
	}
	return base
}

func pssOf(pid int) (int64, error) {
	all, err := rollup(pid)
	if _, is := all["Pss"]; err == nil && !is {
		err = fmt.Errorf("process %d has no Pss", pid)
	}
	return all["Pss"], err
}

// Resident is what of a process is in memory, in bytes, and what of that it
// shares with nobody.
func Resident(pid int) (all, private int64, err error) {
	m, err := rollup(pid)
	return m["Rss"], m["Private_Clean"] + m["Private_Dirty"], err
}

// rollup is what the kernel says of a process's memory, in bytes.
func rollup(pid int) (map[string]int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		var kb int64
		if _, err := fmt.Sscanf(rest, "%d kB", &kb); err == nil {
			out[name] = kb << 10
		}
	}
	return out, nil
}
