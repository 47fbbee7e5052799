package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxBatch bounds one write to a log file, and with it the time and memory
// that one container can take from the others.
const maxBatch = 256 << 10

// file is what the writer needs of an open log file.
type file interface {
	io.WriteCloser
	Truncate(size int64) error
	Stat() (os.FileInfo, error)
}

// opened is a log file ready to be added to.
type opened struct {
	file
	size  int64
	inode uint64
}

// mark is the place that a batch is about to be written to.
type mark struct {
	inode    uint64
	from, to int64
}

// Writer adds records to the log folder of one container and rotates it.
// When the folder cannot take a record, the record is dropped and counted,
// and the first record that can be written again is preceded by a marker.
// A Writer may be used by several goroutines.
type Writer struct {
	dir  string
	open func(path string) (opened, error)
	now  func() time.Time

	mu      sync.Mutex
	limits  Config
	cur     opened // cur.file is nil when it must be opened again
	last    time.Time
	lost    int // full lines dropped since the last marker
	lostErr error
	packs   bool // somebody compresses what is full
}

// NewWriter opens the log in dir, which must exist; a record that was cut
// short by a crash is taken away. A folder that cannot be written to now is
// no error: it may be later.
func NewWriter(dir string, c Config) *Writer {
	w := &Writer{dir: dir, open: openLog, now: time.Now, limits: c.normal()}
	removeBeyond(dir, w.limits.MaxFiles)
	_ = w.ready()
	return w
}

// SetConfig changes the bounds; they hold from the next rotation on.
func (w *Writer) SetConfig(c Config) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limits = c.normal()
	removeBeyond(w.dir, w.limits.MaxFiles)
}

// add writes records for the head of raw and returns how many raw bytes are
// dealt with: stored, or dropped and counted. It is 0 if raw is an unfinished
// line that may wait (see split). scratch is memory to work in. intend, if not
// nil, is told the place before the records are written.
func (w *Writer) add(s Stream, raw, scratch []byte, flush bool, intend func(mark)) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.limits.Discard {
		return len(raw)
	}
	b := split(scratch, raw, w.stamp(), s, min(maxBatch, int(w.limits.MaxSize/4)), flush)
	if b.taken == 0 {
		return 0
	}
	if err := w.mark(); err != nil {
		w.lose(b.lines, err)
		return b.taken
	}
	if kept, err := w.write(b.out, intend); err != nil {
		w.lose(b.lines-fullLines(b.out[:kept]), err)
	}
	return b.taken
}

// retry tries to write an outstanding marker, and says whether one is still due.
func (w *Writer) retry() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mark() != nil
}

// owes says whether a marker for lost lines is still to be written.
func (w *Writer) owes() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lostErr != nil
}

// Close ends the writing. Records already added are in the file.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cur.file == nil {
		return nil
	}
	err := w.cur.Close()
	w.cur = opened{}
	return err
}

// stamp rises strictly, whatever the clock does, so that a log is sorted by
// time and each write has a time of its own.
func (w *Writer) stamp() time.Time {
	t := w.now()
	if !t.After(w.last) {
		t = w.last.Add(1)
	}
	w.last = t
	return t
}

func (w *Writer) lose(lines int, err error) {
	w.lost += lines
	w.lostErr = err
}

// mark writes the marker for lost lines, if any are outstanding.
func (w *Writer) mark() error {
	if w.lostErr == nil {
		return nil
	}
	text := fmt.Sprintf("stackup: %d log lines lost: %s", max(w.lost, 1), reason(w.lostErr))
	_, err := w.write(Record{Time: w.stamp(), Stream: Stderr, Text: []byte(text)}.Append(nil), nil)
	if err == nil {
		w.lost, w.lostErr = 0, nil
	}
	return err
}

// reason is the system's own word for what went wrong, without our paths.
func reason(err error) string {
	var no unix.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	return err.Error()
}

// write adds whole records and returns how many bytes were kept: if not all
// could be written, the cut record at the end is taken away again.
func (w *Writer) write(out []byte, intend func(mark)) (kept int, err error) {
	if err := w.room(int64(len(out))); err != nil {
		return 0, err
	}
	if intend != nil {
		intend(mark{w.cur.inode, w.cur.size, w.cur.size + int64(len(out))})
	}
	n, err := w.cur.Write(out)
	if err == nil {
		w.cur.size += int64(n)
		return n, nil
	}
	kept = bytes.LastIndexByte(out[:n], '\n') + 1
	w.cur.size += int64(kept)
	if n > kept && w.takeBack(int64(n-kept)) != nil {
		_ = w.cur.Close() // opening it again repairs it
		w.cur = opened{}
	}
	return kept, err
}

// takeBack cuts n bytes off the file. It asks for the size, since somebody in
// need of space may have emptied the file under us.
func (w *Writer) takeBack(n int64) error {
	st, err := w.cur.Stat()
	if err != nil {
		return err
	}
	return w.cur.Truncate(max(0, st.Size()-n))
}

// room makes sure that a file is open which may grow by n bytes.
func (w *Writer) room(n int64) error {
	if err := w.ready(); err != nil {
		return err
	}
	if w.cur.size == 0 || w.cur.size+n <= w.limits.MaxSize {
		return nil
	}
	_ = w.cur.Close()
	w.cur = opened{}
	if err := rotate(w.dir, w.limits.MaxFiles); err != nil {
		return err
	}
	if w.limits.Compress {
		w.packLater()
	}
	return w.ready()
}

// packLater has full files compressed beside the writing, those too that become full
// meanwhile.
func (w *Writer) packLater() {
	if w.packs {
		return
	}
	w.packs = true
	go func() {
		for again := true; again; {
			all := w.pack()
			w.mu.Lock()
			again = all && w.unpacked() != "" // one that has become full since
			w.packs = again
			w.mu.Unlock()
		}
	}()
}

func (w *Writer) ready() error {
	if w.cur.file != nil {
		return nil
	}
	f, err := w.open(filepath.Join(w.dir, logName(0)))
	if err != nil {
		return err
	}
	w.cur = f
	return nil
}

// openLog opens a log file for adding and takes away a cut record at its end.
func openLog(path string) (opened, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return opened{}, err
	}
	size, err := repair(f)
	var st unix.Stat_t
	if err == nil {
		err = unix.Stat(path, &st)
	}
	if err != nil {
		_ = f.Close()
		return opened{}, err
	}
	return opened{f, size, st.Ino}, nil
}

// repair cuts f after its last newline and returns its size.
func repair(f *os.File) (int64, error) {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return 0, err
	}
	buf := make([]byte, min(st.Size(), 4*MaxText))
	for end := st.Size(); end > 0; {
		from := max(0, end-int64(len(buf)))
		n, err := f.ReadAt(buf[:end-from], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return cut(f, st.Size(), from+int64(i)+1)
		}
		end = from
	}
	return cut(f, st.Size(), 0)
}

func cut(f *os.File, have, want int64) (int64, error) {
	if have == want {
		return want, nil
	}
	return want, f.Truncate(want)
}

// fullLines counts the full records in out.
func fullLines(out []byte) (n int) {
	for line := range bytes.Lines(out) {
		if r, err := Parse(line); err == nil && !r.Partial {
			n++
		}
	}
	return n
}
