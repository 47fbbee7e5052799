package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Floor is the floor program: the same containers by containerd's bare client.
type Floor struct {
	Name    string
	program string
	shim    string // how it groups containers in shims
	group   string // of control groups; its namespace too
	image   string
	engine  *containerd
}

// FloorWith makes a floor tool with shims as told: "one" or "each".
func FloorWith(p Place, shim, image string) *Floor {
	name := "floor-" + shim
	return &Floor{
		Name: name, program: p.Floor, shim: shim, image: image, group: p.group(name),
		engine: &containerd{programs: p.Engine, dir: filepath.Join(p.Dir, name), run: filepath.Join(p.Run, name)},
	}
}

// Start starts the engine and loads the image. Stop must follow.
func (f *Floor) Start(ctx context.Context, images Images) error {
	for _, dir := range []string{f.engine.dir, f.engine.run} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if _, err := os.Stat(f.program); err != nil {
		return fmt.Errorf("no floor program: %w", err)
	}
	if err := f.engine.start(ctx); err != nil {
		return err
	}
	_, _, err := f.measure(ctx, 1, "-load", images.Busybox)
	return err
}

// Version is that of what the containers run on.
func (f *Floor) Version(ctx context.Context) string { return f.engine.version(ctx) }

// Stop ends the engine.
func (f *Floor) Stop(ctx context.Context) { f.engine.stop(ctx) }

// Measure gives the times of n containers' way up and down.
func (f *Floor) Measure(ctx context.Context, n int) (up, down time.Duration, err error) {
	return f.measure(ctx, n)
}

func (f *Floor) measure(ctx context.Context, n int, more ...string) (up, down time.Duration, err error) {
	args := append([]string{
		"-address", f.engine.address(), "-namespace", f.group, "-image", f.image,
		"-n", strconv.Itoa(n), "-shim", f.shim, "-rounds", "1", "-json",
	}, more...)
	cmd := exec.CommandContext(ctx, f.program, args...)
	cmd.Env = append(environment(f.engine.dir, "TMPDIR="+f.engine.run), f.engine.path())
	out, err := output(endWhole(cmd))
	if err != nil {
		return 0, 0, err
	}
	var r struct {
		Up   float64 `json:"up_ms"`
		Down float64 `json:"down_ms"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		return 0, 0, fmt.Errorf("floor: %w in %s", err, LastLine([]byte(out)))
	}
	return ms(r.Up), ms(r.Down), nil
}

func ms(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
