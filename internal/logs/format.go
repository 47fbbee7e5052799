package logs

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"sync"
	"time"
)

// Format chooses how records look.
type Format struct {
	NoPrefix   bool
	Color      bool // colour the prefix
	Timestamps bool
	JSON       bool // an object for each line, all to the same writer; the rest does not count
	Terminal   bool // make control characters harmless; false: bytes as they are
}

// maxJoin bounds the memory for one line that comes in parts; a longer one is
// shown in pieces.
const maxJoin = 1 << 20

// Formatter writes records as lines for people, with the source's name before
// each. The parts of a long line are joined first. It may be used by several
// goroutines.
type Formatter struct {
	f   Format
	out io.Writer
	err io.Writer

	mu      sync.Mutex
	width   int
	colors  map[string]int
	pending map[lineKey]*line
	shown   *lineKey // line on the screen that has no newline yet
	buf     []byte
}

// lineKey tells the lines apart that may be unfinished at the same time.
type lineKey struct {
	id     string
	stream Stream
}

type line struct {
	src   Source
	stamp time.Time // of the first part
	text  []byte
}

// NewFormatter writes the records of stdout to out and those of stderr to err.
// names are the sources known beforehand: they fix the width of the prefix.
func NewFormatter(out, err io.Writer, f Format, names ...string) *Formatter {
	x := &Formatter{f: f, out: out, err: err, colors: map[string]int{}, pending: map[lineKey]*line{}}
	for _, n := range names {
		x.meet(n)
	}
	return x
}

// Record writes a record, or keeps it if its line goes on.
func (x *Formatter) Record(s Source, r Record) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.meet(s.Name)
	k := lineKey{s.ID, r.Stream}
	l := x.pending[k]
	if l == nil {
		l = &line{src: s, stamp: r.Time}
		x.pending[k] = l
	}
	l.text = append(l.text, r.Text...)
	if r.Partial && len(l.text) < maxJoin {
		return nil
	}
	delete(x.pending, k)
	return x.show(k, l, !r.Partial)
}

// Flush shows lines that are still unfinished, such as a prompt. Call it after
// a quiet time, and at the end.
func (x *Formatter) Flush() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for k, l := range x.pending {
		delete(x.pending, k)
		if err := x.show(k, l, false); err != nil {
			return err
		}
	}
	return nil
}

// End finishes a line that Flush left open on the screen.
func (x *Formatter) End() error {
	if err := x.Flush(); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.breakLine()
}

// Pending says whether Flush has anything to show.
func (x *Formatter) Pending() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.pending) > 0
}

// told is a line as JSON has it. Bytes that are no UTF-8 come as U+FFFD.
type told struct {
	Time      time.Time `json:"time"`
	Service   string    `json:"service,omitempty"`
	Container string    `json:"container,omitempty"`
	Stream    Stream    `json:"stream"`
	Line      string    `json:"line"`
	Partial   bool      `json:"partial,omitempty"` // it goes on in the next of this stream
}

func (x *Formatter) tell(k lineKey, l *line, whole bool) error {
	b, err := json.Marshal(told{l.stamp.UTC(), l.src.Service, l.src.Container, k.stream, string(l.text), !whole})
	if err != nil {
		return err
	}
	_, err = x.out.Write(append(b, '\n'))
	return err
}

func (x *Formatter) show(k lineKey, l *line, whole bool) error {
	if x.f.JSON {
		return x.tell(k, l, whole)
	}
	goesOn := x.shown != nil && *x.shown == k
	if !goesOn {
		if err := x.breakLine(); err != nil {
			return err
		}
	}
	x.buf = x.buf[:0]
	if !goesOn {
		x.buf = x.prefix(x.buf, l)
	}
	if x.f.Terminal {
		x.buf = sanitize(x.buf, l.text)
	} else {
		x.buf = append(x.buf, l.text...)
	}
	x.shown = &k
	if whole {
		x.buf = append(x.buf, '\n')
		x.shown = nil
	}
	_, err := x.writer(k.stream).Write(x.buf)
	return err
}

func (x *Formatter) breakLine() error {
	if x.shown == nil {
		return nil
	}
	w := x.writer(x.shown.stream)
	x.shown = nil
	_, err := io.WriteString(w, "\n")
	return err
}

func (x *Formatter) writer(s Stream) io.Writer {
	if s == Stderr {
		return x.err
	}
	return x.out
}

func (x *Formatter) prefix(b []byte, l *line) []byte {
	if !x.f.NoPrefix {
		name := fmt.Sprintf("%-*s | ", x.width+1, l.src.Name)
		if x.f.Color {
			name = "\x1b[" + palette[x.colors[l.src.Name]] + "m" + name + "\x1b[0m"
		}
		b = append(b, name...)
	}
	if x.f.Timestamps {
		b = append(l.stamp.UTC().AppendFormat(b, timeFormat), ' ')
	}
	return b
}

var palette = [...]string{"36", "33", "32", "35", "34", "96", "93", "92", "95", "94"}

// meet takes note of a name. Its colour comes from the name itself, so that it
// is the same in every run, unless another source has that colour already.
func (x *Formatter) meet(name string) {
	if _, ok := x.colors[name]; ok {
		return
	}
	x.width = max(x.width, len(name))
	h := fnv.New32a()
	_, _ = io.WriteString(h, strings.TrimRight(name, "0123456789"))
	c := int(h.Sum32() % uint32(len(palette)))
	if len(x.colors) < len(palette) {
		for x.taken(c) {
			c = (c + 1) % len(palette)
		}
	}
	x.colors[name] = c
}

func (x *Formatter) taken(c int) bool {
	for _, o := range x.colors {
		if o == c {
			return true
		}
	}
	return false
}
