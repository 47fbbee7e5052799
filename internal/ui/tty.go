package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"stackup.dev/stackup/internal/event"
)

// redraw is the time between two frames: ten a second.
const redraw = 100 * time.Millisecond

// The control sequences in use (ECMA-48, DEC private modes).
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearLine  = "\x1b[2K"
	clearBelow = "\x1b[J"
)

// TTY draws a Model in place on a terminal, at most ten times a second. The
// last frame stays, followed by the summary.
type TTY struct {
	w    io.Writer
	size func() (width, height int)
	stop chan struct{}
	done chan struct{} // closed when the drawing has ended
	err  error         // set before done is closed
	once sync.Once

	mu     sync.Mutex
	model  *Model
	closed bool

	drawn []int // columns of each line of the last frame; the drawing goroutine's
}

// NewTTY draws m on w until Close. size gives the terminal's columns and
// lines, and is asked for each frame. m belongs to the TTY from now on.
func NewTTY(w io.Writer, size func() (width, height int), m *Model) *TTY {
	t := &TTY{w: w, size: size, model: m, stop: make(chan struct{}), done: make(chan struct{})}
	go t.run()
	return t
}

// Emit takes in e; the next frame shows it.
func (t *TTY) Emit(e event.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.model.Apply(e)
	}
}

// Close draws the last frame, shows the cursor again and ends.
func (t *TTY) Close() error {
	t.once.Do(func() { close(t.stop) })
	<-t.done
	return t.err
}

func (t *TTY) run() {
	defer close(t.done)
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			t.write(t.frame(now))
		case <-t.stop:
			t.write(t.last(time.Now()))
			return
		}
	}
}

func (t *TTY) write(s string) {
	if t.err == nil && s != "" {
		_, t.err = io.WriteString(t.w, s)
	}
}

// frame draws what fits on the screen. One line is left free for the cursor.
func (t *TTY) frame(now time.Time) string {
	width, height := t.size()
	t.mu.Lock()
	lines := t.model.lines(width, max(height-1, 1), now)
	t.mu.Unlock()
	if len(lines) == 0 {
		return ""
	}
	head := ""
	if t.drawn == nil {
		head = hideCursor
	}
	return head + t.replace(lines, width)
}

// last draws all rows and the summary.
func (t *TTY) last(now time.Time) string {
	width, _ := t.size()
	t.mu.Lock()
	t.closed = true
	lines := t.model.lines(width, 0, now)
	summary := t.model.Summary()
	t.mu.Unlock()
	if len(lines) == 0 {
		return ""
	}
	shown := t.drawn != nil
	s := t.replace(lines, width) + strings.ReplaceAll(summary, "\n", "\r\n")
	if shown {
		s += showCursor
	}
	return s
}

// replace writes lines over the frame drawn before.
func (t *TTY) replace(lines []string, width int) string {
	var b strings.Builder
	if up := t.height(width); up > 0 {
		fmt.Fprintf(&b, "\r\x1b[%dA", up)
	}
	t.drawn = t.drawn[:0]
	for _, l := range lines {
		l = strings.TrimSuffix(l, "\n")
		// Cleared first: after a line as wide as the screen the cursor still
		// stands on its last character.
		b.WriteString(clearLine + l + "\r\n")
		t.drawn = append(t.drawn, columns(uncoloured(l)))
	}
	b.WriteString(clearBelow)
	return b.String()
}

// height is how many lines of the screen the last frame takes. A terminal
// that became narrower since has wrapped the lines.
func (t *TTY) height(width int) int {
	n := 0
	for _, c := range t.drawn {
		n += max(1, (c+width-1)/max(width, 1))
	}
	return n
}

// uncoloured takes off the colours that painter put on.
func uncoloured(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, s, _ = strings.Cut(after, "m")
	}
}
