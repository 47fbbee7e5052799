package ui

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
)

// pty opens a pseudo-terminal.
func pty(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { m.Close() })
	if err := unix.IoctlSetPointerInt(int(m.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(m.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	s, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return m, s
}

// shown gives what a run of one step writes on a terminal or a pipe.
func shown(t *testing.T, mode string, onTerminal bool) string {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if onTerminal {
		in.Close()
		out.Close()
		in, out = pty(t)
	}
	p, err := NewProgress(mode, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	ref := container("web", 1)
	p.Emit(at(0, event.Started, "start/web.1", planner.OpStart, ref))
	p.Emit(at(0, event.Done, "start/web.1", planner.OpStart, ref))
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	// An end mark, because a terminal has no end of file to wait for.
	if _, err := out.WriteString("END"); err != nil {
		t.Fatal(err)
	}
	var text []byte
	for !strings.HasSuffix(string(text), "END") {
		buf := make([]byte, 4096)
		n, err := in.Read(buf)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		text = append(text, buf[:n]...)
	}
	in.Close()
	out.Close()
	return strings.TrimSuffix(string(text), "END")
}

func TestNewProgress(t *testing.T) {
	for name, c := range map[string]struct {
		mode, term, noColor string
		terminal            bool
		want                string // form: tty, color, plain, json or quiet
	}{
		"auto on a terminal":       {"auto", "xterm", "", true, "color"},
		"no mode on a terminal":    {"", "xterm", "", true, "color"},
		"auto with NO_COLOR":       {"auto", "xterm", "1", true, "tty"},
		"auto on a dumb terminal":  {"auto", "dumb", "", true, "plain"},
		"auto without TERM":        {"auto", "", "", true, "plain"},
		"auto in a pipe":           {"auto", "xterm", "", false, "plain"},
		"tty in a pipe":            {"tty", "xterm", "", false, "color"},
		"tty on a dumb terminal":   {"tty", "dumb", "", true, "plain"},
		"plain on a terminal":      {"plain", "xterm", "", true, "plain"},
		"json on a terminal":       {"json", "xterm", "", true, "json"},
		"quiet shows nothing":      {"quiet", "xterm", "", true, "quiet"},
		"tty in a pipe, no colour": {"tty", "xterm", "1", false, "tty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TERM", c.term)
			t.Setenv("NO_COLOR", c.noColor)
			if got := formOf(shown(t, c.mode, c.terminal)); got != c.want {
				t.Errorf("form %s, want %s", got, c.want)
			}
		})
	}
}

func formOf(text string) string {
	switch {
	case text == "":
		return "quiet"
	case strings.HasPrefix(text, "{"):
		return "json"
	case strings.Contains(text, "\x1b[32m"):
		return "color"
	case strings.Contains(text, "\x1b["):
		return "tty"
	default:
		return "plain"
	}
}

func TestNewProgressRefusesUnknownModes(t *testing.T) {
	_, err := NewProgress("fancy", os.Stderr, nil)
	want := `unknown progress mode "fancy": use one of ["auto" "tty" "plain" "json" "quiet"]`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestUseColor(t *testing.T) {
	_, terminal := pty(t)
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, c := range map[string]struct {
		out           *os.File
		term, noColor string
		want          bool
	}{
		"terminal":      {terminal, "xterm", "", true},
		"NO_COLOR":      {terminal, "xterm", "1", false},
		"dumb terminal": {terminal, "dumb", "", false},
		"file":          {file, "xterm", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TERM", c.term)
			t.Setenv("NO_COLOR", c.noColor)
			if got := UseColor(c.out); got != c.want {
				t.Errorf("UseColor = %v, want %v", got, c.want)
			}
		})
	}
}
