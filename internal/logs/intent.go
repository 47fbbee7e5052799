package logs

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// intent is a note beside a FIFO, on the state folder's tmpfs: "the head of
// this FIFO is being written to that place". Bytes leave the FIFO only after
// they are in the log, so a collector that is killed loses nothing; the note
// tells its successor which of them are in the log already, so that it
// repeats nothing either. It is best effort: without it, lines may repeat.
type intent struct{ f *os.File }

func openIntent(fifo string) (intent, error) {
	path := filepath.Join(filepath.Dir(fifo), "."+filepath.Base(fifo)+".intent")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	return intent{f}, err
}

func (i intent) begin(m mark) { i.write(m) }

func (i intent) end() { i.write(mark{}) }

func (i intent) write(m mark) {
	if i.f == nil {
		return
	}
	var b [24]byte
	binary.LittleEndian.PutUint64(b[0:], m.inode)
	binary.LittleEndian.PutUint64(b[8:], uint64(m.from))
	binary.LittleEndian.PutUint64(b[16:], uint64(m.to))
	_, _ = i.f.WriteAt(b[:], 0)
}

func (i intent) read() (m mark, ok bool) {
	var b [24]byte
	if i.f == nil {
		return m, false
	}
	if _, err := i.f.ReadAt(b[:], 0); err != nil {
		return m, false
	}
	m.inode = binary.LittleEndian.Uint64(b[0:])
	m.from = int64(binary.LittleEndian.Uint64(b[8:]))
	m.to = int64(binary.LittleEndian.Uint64(b[16:]))
	return m, m.inode != 0 && m.from >= 0 && m.from < m.to && m.to-m.from <= 2*maxBatch
}

func (i intent) close() {
	if i.f != nil {
		_ = i.f.Close()
	}
}

// rawAt gives the output that the records of stream s at m were made of: what
// a killed collector had stored of its last batch. It must be called after the
// log was repaired and before anything is added to it.
func rawAt(dir string, m mark, s Stream) []byte {
	for _, i := range logIndexes(dir) {
		f, err := os.Open(filepath.Join(dir, logName(i)))
		if err != nil {
			continue
		}
		var st unix.Stat_t
		raw, found := []byte(nil), false
		if fd, err := fdOf(f); err == nil && unix.Fstat(fd, &st) == nil && st.Ino == m.inode {
			raw, found = rawOf(io.NewSectionReader(f, m.from, m.to-m.from), s), true
		}
		_ = f.Close()
		if found {
			return raw
		}
	}
	return nil
}

func rawOf(r io.Reader, s Stream) (raw []byte) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil
	}
	for len(b) > 0 {
		line, rest, ok := cutLine(b)
		rec, err := Parse(line)
		if !ok || err != nil || rec.Stream != s {
			return raw
		}
		raw = append(raw, rec.Text...)
		if !rec.Partial {
			raw = append(raw, '\n')
		}
		b = rest
	}
	return raw
}
