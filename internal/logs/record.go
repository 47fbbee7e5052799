// Package logs keeps what containers print: from the FIFOs that the shim
// writes to, over a bounded and rotated folder of files, to the reader's screen.
//
// The law of the package: nothing here ever blocks a container for long. The
// collector always drains; what it cannot store it drops, counts and marks.
package logs

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Stream names the pipe that a record came from.
type Stream string

// The two streams of a container.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// MaxText is the longest text of one record in bytes; longer lines are cut
// into partial records.
const MaxText = 16 << 10

// timeFormat has a fixed width, always in UTC.
const timeFormat = "2006-01-02T15:04:05.000000000Z"

// ErrMalformed says that a line is no log record.
var ErrMalformed = errors.New("malformed log record")

// Record is one line, or a part of one, that a container printed.
type Record struct {
	Time    time.Time // when it was read from the container, UTC
	Stream  Stream
	Partial bool   // the line goes on in the next record of the same stream
	Text    []byte // as printed, without the newline; may hold any other byte
}

// Parse reads one line of a log file, with or without its newline. The form
// is that of the Kubernetes CRI log format: time, stream, F or P, text.
// Text shares memory with line.
func Parse(line []byte) (Record, error) {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	stamp, rest, ok1 := bytes.Cut(line, []byte{' '})
	stream, rest, ok2 := bytes.Cut(rest, []byte{' '})
	if !ok1 || !ok2 || len(rest) < 2 || rest[1] != ' ' || bytes.IndexByte(rest, '\n') >= 0 {
		return Record{}, fmt.Errorf("%w: want time, stream, F or P, and text", ErrMalformed)
	}
	r := Record{Partial: rest[0] == 'P', Text: rest[2:]}
	if rest[0] != 'F' && rest[0] != 'P' {
		return Record{}, fmt.Errorf("%w: tag %q is neither F nor P", ErrMalformed, rest[0])
	}
	switch {
	case string(stream) == string(Stdout):
		r.Stream = Stdout
	case string(stream) == string(Stderr):
		r.Stream = Stderr
	default:
		return Record{}, fmt.Errorf("%w: unknown stream %q", ErrMalformed, stream)
	}
	t, err := parseTime(stamp)
	r.Time = t
	return r, err
}

func parseTime(b []byte) (time.Time, error) {
	if len(b) == 0 || b[len(b)-1] != 'Z' {
		return time.Time{}, fmt.Errorf("%w: time %q is not in UTC", ErrMalformed, b)
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return t, nil
}

// Append adds the record in its file form, newline included.
func (r Record) Append(out []byte) []byte {
	out = append(out, header(r.Time, r.Stream, r.Partial)...)
	out = append(out, r.Text...)
	return append(out, '\n')
}

// header is all of a record before its text.
func header(t time.Time, s Stream, partial bool) []byte {
	b := t.UTC().AppendFormat(make([]byte, 0, 48), timeFormat)
	b = append(b, ' ')
	b = append(b, s...)
	if partial {
		return append(b, " P "...)
	}
	return append(b, " F "...)
}
