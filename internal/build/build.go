package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"stackup.dev/stackup/internal/statedir"
)

// cancelGrace is what a build may take to end once it is told to.
const cancelGrace = 5 * time.Second

// Result is an image that was built.
type Result struct {
	Digest string
	// Archive has the image, in OCI layout, if it was made elsewhere; the
	// caller removes it. Otherwise the image is with the engine.
	Archive string
}

// Build makes an image. line is told each step and each line of its output. It
// may be called by several goroutines at once.
func (b *Builder) Build(ctx context.Context, r Request, line func(string)) (res Result, err error) {
	c, err := b.client(ctx, r)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	meta := filepath.Join(c.scratch, "metadata.json")
	c.args.add("metadata-file", "%s", meta)
	if b.Host != "" {
		res.Archive = c.scratch + ".tar"
		defer func() {
			if err != nil {
				_ = os.Remove(res.Archive) // it may not be there yet
			}
		}()
	}
	c.args.add("output", "%s", r.output(res.Archive))
	if err := run(ctx, c.command(ctx), line); err != nil {
		return res, err
	}
	res.Digest, err = digest(meta)
	return res, err
}

// Check gives what the frontend has to say of a build's Dockerfile; nothing is
// built. It is empty if all is well.
func (b *Builder) Check(ctx context.Context, r Request) (warnings string, err error) {
	c, err := b.client(ctx, r)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	c.args.opt("requestid", "frontend.lint") // BuildKit, subrequests
	cmd := c.command(ctx)
	var out strings.Builder
	cmd.Stdout = &out
	err = run(ctx, cmd, func(string) {})
	return strings.TrimSpace(out.String()), err
}

// client is one run of buildctl.
type client struct {
	program, address, dir string
	scratch               string // folder of its own
	args                  *arguments
}

func (b *Builder) client(ctx context.Context, r Request) (*client, error) {
	at, err := b.address(ctx)
	if err != nil {
		return nil, err
	}
	program, err := b.program(clientProgram)
	if err != nil {
		return nil, err
	}
	// Of this process: it goes with it, however it ends.
	if err := statedir.MkdirAll(b.Dirs.Exec(os.Getpid()), 0o700); err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp(b.Dirs.Exec(os.Getpid()), "build-")
	if err != nil {
		return nil, err
	}
	c := &client{program: program, address: at, dir: r.Dir, scratch: scratch, args: r.arguments(scratch)}
	if r.Build.Inline != "" {
		err = os.WriteFile(filepath.Join(scratch, "Dockerfile"), []byte(r.Build.Inline), 0o600) //nolint:forbidigo // passing
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *client) close() error { return os.RemoveAll(c.scratch) }

func (c *client) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program, append([]string{"--addr", c.address}, c.args.list...)...)
	cmd.Dir = c.dir
	cmd.Env = slices.Concat(os.Environ(), c.args.env)
	return cmd
}

// output is where the image goes.
func (r Request) output(archive string) string {
	if archive != "" {
		return "type=oci,dest=" + archive + ",name=" + r.Ref
	}
	return "type=image,oci-mediatypes=true,unpack=true,name=" + r.Ref
}

func run(ctx context.Context, cmd *exec.Cmd, line func(string)) error {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = cancelGrace
	t := newTeller(line)
	cmd.Stderr = t
	done, err := bind(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	if err := <-done; err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return t.failure(err)
	}
	return nil
}

func digest(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var m struct {
		Digest string `json:"containerimage.digest"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return "", err
	}
	if m.Digest == "" {
		return "", errors.New("BuildKit has not said what it has built")
	}
	return m.Digest, nil
}

// teller makes lines of BuildKit's progress (client.SolveStatus, as buildctl
// writes it with --progress rawjson), and keeps what a failure is told with.
type teller struct {
	line   func(string)
	begun  map[string]bool
	logs   map[string][]string // last lines by vertex
	failed string              // text of the first failed vertex
	part   []byte              // of a line
	rest   []string            // lines that are no JSON: buildctl's own words
}

const keptLines = 20

func newTeller(line func(string)) *teller {
	return &teller{line: line, begun: map[string]bool{}, logs: map[string][]string{}}
}

type status struct {
	Vertexes []struct {
		Digest, Name, Error string
		Started             *time.Time
		Cached              bool
	} `json:"vertexes"`
	Logs []struct {
		Vertex string
		Data   []byte
	} `json:"logs"`
}

// Write takes output as it comes, and each line once it is whole.
func (t *teller) Write(p []byte) (int, error) {
	t.part = append(t.part, p...)
	for {
		line, rest, whole := bytes.Cut(t.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		t.take(line)
		t.part = rest
	}
}

func (t *teller) take(text []byte) {
	var s status
	if json.Unmarshal(text, &s) != nil {
		t.rest = append(t.rest, strings.TrimSpace(string(text)))
		return
	}
	for _, l := range s.Logs {
		for one := range strings.Lines(string(l.Data)) {
			one = strings.TrimRight(one, "\r\n")
			t.line(one)
			t.logs[l.Vertex] = append(t.logs[l.Vertex], one)
			t.logs[l.Vertex] = t.logs[l.Vertex][max(0, len(t.logs[l.Vertex])-keptLines):]
		}
	}
	for _, v := range s.Vertexes {
		if v.Started != nil && !t.begun[v.Digest] && !strings.HasPrefix(v.Name, "[internal]") {
			t.begun[v.Digest] = true
			t.line(v.Name)
		}
		if v.Error != "" && t.failed == "" && !strings.HasSuffix(v.Error, "context canceled") {
			t.failed = strings.Join(append([]string{v.Name + ": " + v.Error}, t.logs[v.Digest]...), "\n")
		}
	}
}

func (t *teller) failure(err error) error {
	switch {
	case t.failed != "":
		return errors.New(t.failed)
	case len(t.rest) > 0:
		return fmt.Errorf("%s", t.rest[len(t.rest)-1])
	default:
		return fmt.Errorf("buildctl: %w", err)
	}
}
