package ui

import (
	"strconv"
	"strings"
	"sync"
	"testing"
)

// vt is a terminal, as far as the renderers use one: it keeps lines, moves
// its cursor up, clears, hides the cursor, and wraps at its width. It fails
// the test on any other sequence.
type vt struct {
	t             *testing.T
	width, height int

	mu     sync.Mutex
	lines  [][]rune
	x, y   int
	hidden bool
	writes int
}

func (v *vt) size() (width, height int) { return v.width, v.height }

func (v *vt) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.writes++
	s := string(p)
	for s != "" {
		if rest, found := strings.CutPrefix(s, "\x1b["); found {
			i := strings.IndexAny(rest, "ABCDHJKhlm")
			v.control(rest[:i], rest[i])
			s = rest[i+1:]
			continue
		}
		r := []rune(s)[0]
		v.put(r)
		s = s[len(string(r)):]
	}
	return len(p), nil
}

func (v *vt) control(arg string, final byte) {
	switch {
	case final == 'A':
		n, _ := strconv.Atoi(arg)
		if n > v.y || n >= v.height {
			v.t.Errorf("cursor goes up %d lines from line %d of a screen of %d", n, v.y, v.height)
		}
		v.y = max(0, v.y-n)
	case final == 'K' && arg == "2" && v.y < len(v.lines):
		v.lines[v.y] = nil
	case final == 'J' && arg == "" && v.y < len(v.lines):
		v.lines = v.lines[:v.y]
	case final == 'l' && arg == "?25":
		v.hidden = true
	case final == 'h' && arg == "?25":
		v.hidden = false
	case final == 'm', final == 'K', final == 'J':
	default:
		v.t.Errorf("unexpected control sequence %q%c", arg, final)
	}
}

func (v *vt) put(r rune) {
	switch {
	case r == '\r':
		v.x = 0
		return
	case r == '\n':
		v.y++
		return
	case r < ' ' || r == 0x7f:
		v.t.Errorf("control character %q reaches the terminal", r)
	}
	if v.x >= v.width {
		v.x, v.y = 0, v.y+1
	}
	for len(v.lines) <= v.y {
		v.lines = append(v.lines, nil)
	}
	for len(v.lines[v.y]) <= v.x {
		v.lines[v.y] = append(v.lines[v.y], ' ')
	}
	v.lines[v.y][v.x] = r
	v.x++
}

// screen is what stands on the terminal.
func (v *vt) screen() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var b strings.Builder
	for _, l := range v.lines {
		b.WriteString(strings.TrimRight(string(l), " ") + "\n")
	}
	return b.String()
}
