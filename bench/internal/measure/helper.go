package measure

import (
	"errors"
	"strings"
)

// Helper finds a process by its program, or by the last word of its command line,
// of those that name a folder.
func Helper(word, folder string) (pid int, err error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	for _, p := range belonging(all, []string{folder}) {
		if strings.HasSuffix(p.program, "/"+word) || strings.HasSuffix(p.line, " "+word) {
			return p.pid, nil
		}
	}
	return 0, errors.New("there is none")
}
