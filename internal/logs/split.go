package logs

import (
	"bytes"
	"time"
)

// batch is a run of raw output in its file form.
type batch struct {
	out   []byte
	taken int // raw bytes covered
	lines int // full lines among the records
}

// split turns the head of raw into records, until out has limit bytes or only
// an unfinished line is left. That rest is taken too, as a partial record,
// when it is longer than MaxText, or when flush is set.
func split(out, raw []byte, now time.Time, s Stream, limit int, flush bool) batch {
	full, part := header(now, s, false), header(now, s, true)
	b := batch{out: out[:0]}
	for b.taken < len(raw) && len(b.out) < limit {
		rest := raw[b.taken:]
		i := bytes.IndexByte(rest[:min(len(rest), MaxText+1)], '\n')
		switch {
		case i >= 0:
			b.add(full, rest[:i])
			b.taken++ // the newline
			b.lines++
		case len(rest) > MaxText:
			b.add(part, rest[:MaxText])
		case flush:
			b.add(part, rest)
		default:
			return b
		}
	}
	return b
}

func (b *batch) add(head, text []byte) {
	b.out = append(b.out, head...)
	b.out = append(b.out, text...)
	b.out = append(b.out, '\n')
	b.taken += len(text)
}
