package ui

import (
	"os"

	"golang.org/x/term"
)

// paint is a colour as a terminal takes it (ECMA-48 SGR parameter).
type paint string

const (
	plain  paint = ""
	dim    paint = "2"
	red    paint = "31"
	green  paint = "32"
	yellow paint = "33"
	cyan   paint = "36"
)

// painter colours text, or leaves it alone.
type painter bool

func (p painter) paint(c paint, s string) string {
	if !bool(p) || c == plain || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// UseColor says whether f takes colour: it is a terminal, TERM does not say
// otherwise, and NO_COLOR is unset or empty (no-color.org).
func UseColor(f *os.File) bool { return capable(f) && os.Getenv("NO_COLOR") == "" }

// capable says whether f is a terminal that can move its cursor.
func capable(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && !dumb()
}

func dumb() bool {
	t := os.Getenv("TERM")
	return t == "" || t == "dumb"
}
