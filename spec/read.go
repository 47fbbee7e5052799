package spec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Limits on what is read, so that a hostile file costs milliseconds, not
// memory. They leave room for a hundred times the largest stacks in use.
const (
	maxFile     = 1 << 20 // bytes of one file
	maxTotal    = 8 << 20 // bytes of all files together
	maxNodes    = 100_000 // YAML nodes after aliases and extends
	maxDepth    = 128     // nesting of YAML nodes
	maxServices = 1_000
	maxPorts    = 1_024 // published ports of a project
	maxLabel    = 4_096 // bytes of a label's name and value, as containerd has it
	maxReplicas = 100   // containers of a service, unless Options say otherwise
)

const stdinName = "-"

// guard reads files for a load: regular files only, of bounded size and, but
// for files the user named, inside the project directory.
type guard struct {
	dir   string // project directory, symlinks resolved
	trust bool
	// lenient takes files of services that are gone for empty.
	lenient bool
	total   int64
	// inputs are the files read so far, in order, with those that were not there.
	inputs []input
}

// inside refuses a path that leads out of the project directory, be it there or not.
func (g *guard) inside(path string) error {
	target, err := filepath.EvalSymlinks(path)
	if !g.trust && (err == nil && !within(g.dir, target) || err != nil && !within(g.dir, resolveParent(path))) {
		return errOutside
	}
	return nil
}

// check refuses a path that must not be read, without opening it.
func (g *guard) check(path string, named bool) error {
	if !named {
		if err := g.inside(path); err != nil {
			return err
		}
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return plainPathError(err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return plainPathError(err)
	}
	return checkInfo(info)
}

var errOutside = errors.New("outside the project directory; pass --trust to allow it")

// read returns the content of a file that passes check.
func (g *guard) read(path string, named bool) ([]byte, error) {
	data, err := g.readFile(path, named)
	if err == nil || notExist(err) {
		g.inputs = append(g.inputs, input{path, data})
	}
	return data, err
}

// content is read, for what a service has in a file.
func (g *guard) content(path string, named bool) ([]byte, error) {
	data, err := g.read(path, named)
	if g.lenient && notExist(err) {
		return nil, nil
	}
	return data, err
}

func (g *guard) readFile(path string, named bool) ([]byte, error) {
	if err := g.check(path, named); err != nil {
		return nil, err
	}
	// O_NONBLOCK: a FIFO put in the place of the file must not hang the open.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, plainPathError(err)
	}
	defer func() { _ = f.Close() }() // only read from
	info, err := f.Stat()
	if err != nil {
		return nil, plainPathError(err)
	}
	if err := checkInfo(info); err != nil {
		return nil, err
	}
	return g.readAll(f)
}

// readAll reads r to its end within the limits.
func (g *guard) readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, plainPathError(err)
	}
	if len(data) > maxFile {
		return nil, errors.New("larger than 1 MiB")
	}
	if g.total += int64(len(data)); g.total > maxTotal {
		return nil, errors.New("the files of this stack are larger than 8 MiB together")
	}
	return data, nil
}

func checkInfo(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return errors.New("is a directory, not a file")
	case mode&fs.ModeNamedPipe != 0:
		return errors.New("is a named pipe, not a regular file")
	case mode&(fs.ModeDevice|fs.ModeCharDevice) != 0:
		return errors.New("is a device, not a regular file")
	case !mode.IsRegular():
		return errors.New("is not a regular file")
	case info.Size() > maxFile:
		return errors.New("larger than 1 MiB")
	}
	return nil
}

// within tells whether path is dir or below it; both are clean and absolute.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// resolveParent resolves the symlinks of what exists of path.
func resolveParent(path string) string {
	path = filepath.Clean(path)
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	target, err := filepath.EvalSymlinks(parent)
	if err != nil {
		target = resolveParent(parent)
	}
	return filepath.Join(target, filepath.Base(path))
}

// plainPathError drops the path and the call from an error: the message names the path already.
func plainPathError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no such file%w", silent{fs.ErrNotExist})
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("may not be read by this user%w", silent{fs.ErrPermission})
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// silent carries an error class without adding to the text.
type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }
