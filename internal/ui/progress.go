package ui

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

// Progress shows a run while it goes on. Emit returns at once, whatever the
// reader of the output does, and may be called from many goroutines; unread
// updates of one step collapse into the last one. Close waits until all is
// written, puts the terminal back in order, and gives the first error of
// writing. Events after Close are dropped.
type Progress interface {
	event.Sink
	Close() error
}

// Modes are the values of --progress.
func Modes() []string { return []string{"auto", "tty", "plain", "json", "quiet"} }

// NewProgress makes the renderer of that mode for out. auto is tty where out
// is a terminal that can move its cursor, else plain; tty on TERM=dumb is
// plain too. names may be nil.
func NewProgress(mode string, out *os.File, names func(planner.Ref) string) (Progress, error) {
	switch mode {
	case "auto", "":
		if capable(out) {
			return newTTYOn(out, names), nil
		}
		return NewPlain(out, names), nil
	case "tty":
		if dumb() {
			return NewPlain(out, names), nil
		}
		return newTTYOn(out, names), nil
	case "plain":
		return NewPlain(out, names), nil
	case "json":
		return NewJSON(out), nil
	case "quiet":
		return NewQuiet(), nil
	default:
		return nil, fmt.Errorf("unknown progress mode %q: use one of %q", mode, Modes())
	}
}

func newTTYOn(out *os.File, names func(planner.Ref) string) *TTY {
	size := func() (width, height int) {
		w, h, err := term.GetSize(int(out.Fd()))
		if err != nil || w <= 0 || h <= 0 {
			return 80, 24
		}
		return w, h
	}
	return NewTTY(out, size, &Model{Names: names, Color: os.Getenv("NO_COLOR") == ""})
}

// NewQuiet makes a Progress that shows nothing.
func NewQuiet() Progress { return quiet{} }

type quiet struct{}

func (quiet) Emit(event.Event) {}
func (quiet) Close() error     { return nil }

// NewPlain makes a Progress that writes a line for every step that starts,
// ends, fails or is skipped, and a summary at the end; never an escape code.
func NewPlain(w io.Writer, names func(planner.Ref) string) Progress {
	return newStream(w, &plainForm{Model: Model{Names: names}})
}

// NewJSON makes a Progress that writes each event as one line of JSON.
func NewJSON(w io.Writer) Progress { return newStream(w, jsonForm{}) }
