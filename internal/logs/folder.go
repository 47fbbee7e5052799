package logs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
)

// The bounds of a container's log unless its service asks for others.
const (
	DefaultMaxSize  = 10 << 20
	DefaultMaxFiles = 3
	minMaxSize      = 32 << 10 // a whole record must fit, with room to cut batches
	pipeSize        = 1 << 20
	ioVersion       = 1
	ioFileName      = "io.json"
)

// Config bounds the log of one container: never more than MaxSize × MaxFiles
// bytes. Zero values mean the defaults; a MaxSize under 32 KiB counts as 32 KiB.
type Config struct {
	MaxSize  int64 // bytes of one file
	MaxFiles int   // files kept, the current one included
	Compress bool  // all but the current one
	Discard  bool  // keep nothing at all
}

func (c Config) normal() Config {
	if c.MaxSize <= 0 {
		c.MaxSize = DefaultMaxSize
	}
	if c.MaxFiles <= 0 {
		c.MaxFiles = DefaultMaxFiles
	}
	c.MaxSize = max(c.MaxSize, minMaxSize)
	return c
}

// ioFile tells the collector what to do with a folder of FIFOs.
type ioFile struct {
	Version  int    `json:"version"`
	Dir      string `json:"dir"`
	MaxSize  int64  `json:"max_size"`
	MaxFiles int    `json:"max_files"`
	Compress bool   `json:"compress,omitempty"`
	Discard  bool   `json:"discard,omitempty"`
}

func (f ioFile) config() Config { return Config{f.MaxSize, f.MaxFiles, f.Compress, f.Discard} }

// Prepare makes the FIFOs and the log folder of a container and tells the
// collector about them. hold keeps both FIFOs open for reading and writing, so
// that opening them never blocks the shim; close it once the task is created.
// Prepare may be repeated, and then takes over a changed Config.
func Prepare(dirs statedir.Dirs, id string, c Config) (stdout, stderr string, hold io.Closer, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("prepare logs of %q: %w", id, err)
		}
	}()
	if err := checkID(id); err != nil {
		return "", "", nil, err
	}
	c = c.normal()
	folder, logDir := filepath.Join(dirs.IO(), id), filepath.Join(dirs.Logs(), id)
	if err := errors.Join(statedir.MkdirAll(folder, 0o700), statedir.MkdirAll(logDir, 0o700)); err != nil {
		return "", "", nil, err
	}
	stdout, stderr = filepath.Join(folder, string(Stdout)), filepath.Join(folder, string(Stderr))
	if err := errors.Join(makeFIFO(stdout), makeFIFO(stderr)); err != nil {
		return "", "", nil, err
	}
	held, err := Hold(stdout, stderr)
	if err != nil {
		return "", "", nil, err
	}
	for _, f := range held {
		enlarge(f)
	}
	if err := writeIOFile(folder, ioFile{ioVersion, logDir, c.MaxSize, c.MaxFiles, c.Compress, c.Discard}); err != nil {
		_ = held.Close()
		return "", "", nil, err
	}
	return stdout, stderr, held, nil
}

// Reconfigure has the collector take over a changed Config, where there is a
// container to collect from.
func Reconfigure(dirs statedir.Dirs, id string, c Config) error {
	if _, err := os.Stat(filepath.Join(dirs.IO(), id)); errors.Is(err, os.ErrNotExist) {
		return nil // the next start has it
	}
	_, _, hold, err := Prepare(dirs, id, c)
	if err != nil {
		return err
	}
	return hold.Close()
}

// Remove takes away the FIFOs and the log of a container, if there are any.
// The log folder is renamed first: a collector that is still draining then
// finds no folder to make files in.
func Remove(dirs statedir.Dirs, id string) error {
	if err := checkID(id); err != nil {
		return fmt.Errorf("remove logs of %q: %w", id, err)
	}
	logDir, gone := filepath.Join(dirs.Logs(), id), filepath.Join(dirs.Logs(), "."+id+".removed")
	errIO := os.RemoveAll(filepath.Join(dirs.IO(), id))
	errMove := os.RemoveAll(gone) // of a Remove that was interrupted
	if errMove == nil {
		errMove = os.Rename(logDir, gone)
	}
	if errors.Is(errMove, os.ErrNotExist) {
		errMove = nil
	}
	return errors.Join(errIO, errMove, os.RemoveAll(gone))
}

// checkID refuses what would lead out of the folders or be hidden in them.
func checkID(id string) error {
	if id == "" || strings.HasPrefix(id, ".") || strings.ContainsAny(id, "/\x00") {
		return errors.New("not a valid container ID")
	}
	return nil
}

// Held are FIFOs that somebody keeps open, both ends of each.
type Held []*os.File

// Hold keeps FIFOs open until it is closed, whoever else comes and goes. Those that
// have no name are left out; one that is no FIFO is an error.
func Hold(paths ...string) (Held, error) {
	var h Held
	for _, path := range paths {
		if path == "" {
			continue
		}
		f, err := holdFIFO(path)
		if err != nil {
			return nil, errors.Join(err, h.Close())
		}
		h = append(h, f)
	}
	return h, nil
}

// Close lets them go.
func (h Held) Close() error {
	var errs []error
	for _, f := range h {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func makeFIFO(path string) error {
	if err := unix.Mkfifo(path, 0o600); err != nil && !errors.Is(err, unix.EEXIST) {
		return &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	return nil
}

// openFIFO opens a FIFO that is drained.
func openFIFO(path string) (*os.File, error) {
	f, err := holdFIFO(path)
	if err == nil {
		enlarge(f)
	}
	return f, err
}

// enlarge gives a FIFO a large buffer, which rides over the time without a
// reader; the kernel may grant less.
func enlarge(f *os.File) {
	if fd, err := fdOf(f); err == nil {
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, pipeSize)
	}
}

// holdFIFO opens for reading and writing: it never blocks and never sees the
// end of the file, however often writers come and go.
func holdFIFO(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.Mode()&os.ModeNamedPipe == 0 {
		err = fmt.Errorf("%s is not a FIFO", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// fdOf gives f's descriptor without switching it to blocking mode as Fd does.
// It is good as long as f is open.
func fdOf(f *os.File) (int, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	err = conn.Control(func(p uintptr) { fd = int(p) })
	return fd, err
}

func writeIOFile(folder string, want ioFile) error {
	if have, err := readIOFile(folder); err == nil && have == want {
		return nil
	}
	b, err := json.Marshal(want)
	if err != nil {
		return err
	}
	return statedir.WriteVolatile(filepath.Join(folder, ioFileName), append(b, '\n'), 0o600)
}

func readIOFile(folder string) (ioFile, error) {
	var f ioFile
	b, err := os.ReadFile(filepath.Join(folder, ioFileName))
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("read %s: %w", filepath.Join(folder, ioFileName), err)
	}
	if f.Version != ioVersion {
		return f, fmt.Errorf("%s has version %d, this program knows version %d", filepath.Join(folder, ioFileName), f.Version, ioVersion)
	}
	return f, nil
}
