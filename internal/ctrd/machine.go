package ctrd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/cgroups/v3"
	runcoptions "github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/typeurl/v2"
	"tags.cncf.io/container-device-interface/pkg/cdi"

	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// runtime is the runtime of a new container, with a state folder of our own:
// the default one is shared by every containerd of a host. A service may name
// the program of another OCI runtime.
func (e *Engine) runtime(s *spec.Service) (containers.RuntimeInfo, error) {
	bin := e.RuntimeBin
	if s.Runtime != "" {
		var err error
		if bin, err = runtimeProgram(s.Runtime); err != nil {
			return containers.RuntimeInfo{}, err
		}
	}
	opts, err := typeurl.MarshalAny(&runcoptions.Options{BinaryName: bin, Root: e.Dirs.RuncRoot()})
	if err != nil {
		return containers.RuntimeInfo{}, err
	}
	return containers.RuntimeInfo{Name: runtimeName, Options: opts}, nil
}

// runtimeProgram finds a runtime's program; nvidia is what docker calls that of
// another name.
func runtimeProgram(name string) (string, error) {
	if name == "nvidia" {
		name = "nvidia-container-runtime"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("the OCI runtime %s is not installed", name)
	}
	return filepath.Abs(path)
}

// lacks says what services ask of this machine that it has not.
func (e *Engine) lacks(s *spec.Stack) []planner.Lack {
	out := lacksOfKernel(s)
	devices := sync.OnceValue(func() *cdi.Cache { return cdiDevices(e.Log) })
	for i := range s.Services {
		v := &s.Services[i]
		out = append(out, e.lacksOf(v, false, devices)...)
		for j := range v.PreStart {
			out = append(out, e.lacksOf(&v.PreStart[j].Service, true, devices)...)
		}
	}
	return out
}

func (e *Engine) lacksOf(v *spec.Service, hook bool, devices func() *cdi.Cache) (out []planner.Lack) {
	add := func(what string) { out = append(out, planner.Lack{Service: v.Name, What: what, Hook: hook}) }
	if v.Runtime != "" {
		if _, err := runtimeProgram(v.Runtime); err != nil {
			add("runtime: " + err.Error())
		}
	}
	if v.DiskSize > 0 {
		if err := e.lacksForDisk(); err != nil {
			add("storage_opt: " + err.Error())
		}
	}
	for _, what := range uncontrolled(v.Resources, hasController) {
		add(what)
	}
	if cgroups.Mode() == cgroups.Unified {
		for _, name := range onlyV1(v.Fixed) {
			add(name + ": this machine has control groups v2, which know no such thing; take it out of the file")
		}
	} else if v.Fixed.CPURTRuntime != 0 && !sharesRealtime() {
		add("cpu_rt_runtime: this machine's kernel does not divide the time of realtime processes (CONFIG_RT_GROUP_SCHED); take it out of the file")
	}
	for _, name := range v.CDI {
		if c := devices(); c == nil || c.GetDevice(name) == nil {
			add("devices: no CDI specification in /etc/cdi or /var/run/cdi has " + name)
		}
	}
	return out
}

// onlyV1 names what is set that only control groups v1 can do (runc drops it, or
// fails, with v2).
func onlyV1(f spec.FixedResources) (out []string) {
	for _, c := range []struct {
		name string
		set  bool
	}{
		{"mem_swappiness", f.MemorySwappiness != nil},
		{"oom_kill_disable", f.OOMKillDisable},
		{"cpu_rt_period", f.CPURTPeriod != 0},
		{"cpu_rt_runtime", f.CPURTRuntime != 0},
	} {
		if c.set {
			out = append(out, c.name)
		}
	}
	return out
}

// cdiDevices reads the specifications that vendors' tools have left; one that is
// damaged hides no other.
func cdiDevices(log *slog.Logger) *cdi.Cache {
	c, err := cdi.NewCache(cdi.WithAutoRefresh(false))
	if err != nil {
		log.Warn("CDI specifications", "err", err)
		return nil
	}
	return c
}

// withCDI adds what the specifications say of devices: nodes, mounts, variables
// and hooks. So it comes after all that sets these.
func withCDI(names []string, log *slog.Logger) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		if len(names) == 0 {
			return nil
		}
		c := cdiDevices(log)
		if c == nil {
			return fmt.Errorf("devices: CDI specifications cannot be read")
		}
		if _, err := c.InjectDevices(s, names...); err != nil {
			return fmt.Errorf("devices: %w", err)
		}
		return nil
	}
}

func withUmask(mask *uint32) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *containers.Container, s *oci.Spec) error {
		s.Process.User.Umask = mask
		return nil
	}
}

// cgroupPath keeps the containers of different worlds apart: all containerds
// of a host share one tree of control groups. A parent of the service's choice
// stands above that.
func (e *Engine) cgroupPath(id string, s *spec.Service) string {
	return filepath.Join("/", s.CgroupParent, e.Dirs.Namespace(), id)
}

// parents is where the control groups are noted that services have chosen, and
// whether they were there before.
func (e *Engine) parents() string { return filepath.Join(e.Dirs.State, "cgroup-parents") }

const madeByUs = "made"

// noteParent remembers a chosen parent, so that it can be cleared up after.
func (e *Engine) noteParent(s *spec.Service) error {
	if s.CgroupParent == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(s.CgroupParent))
	path := filepath.Join(e.parents(), hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	made := ""
	if len(groupsAt(s.CgroupParent)) == 0 {
		made = madeByUs
	}
	made += "\n" + s.CgroupParent
	if err := statedir.MkdirAll(e.parents(), 0o700); err != nil {
		return err
	}
	return statedir.WriteVolatile(path, []byte(made), 0o600)
}

// notedParents are the control groups that services have chosen.
func (e *Engine) notedParents() (out []string, err error) {
	notes, err := os.ReadDir(e.parents())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, n := range notes {
		if text, err := os.ReadFile(filepath.Join(e.parents(), n.Name())); err == nil {
			if _, parent, ok := strings.Cut(string(text), "\n"); ok {
				out = append(out, parent)
			}
		}
	}
	return out, err
}

// groupsAt finds a control group in all hierarchies. Of version 1 it takes patterns.
func groupsAt(path string) []string {
	found, _ := filepath.Glob(filepath.Join(cgroupRoot, "*", path)) // the pattern is good, if the path is
	if _, err := os.Stat(filepath.Join(cgroupRoot, path)); err == nil {
		found = append(found, filepath.Join(cgroupRoot, path))
	}
	return found
}

// groupsFrom are those below a control group, as far as groupsAt finds them, and then
// itself.
func groupsFrom(path string) []string {
	return slices.Concat(groupsAt(filepath.Join(path, "*")), groupsAt(path))
}

// removeParents clears up what is empty below chosen parents, and those that
// nobody had made before.
func (e *Engine) removeParents() {
	notes, _ := os.ReadDir(e.parents()) // none, mostly
	for _, n := range notes {
		note := filepath.Join(e.parents(), n.Name())
		text, _ := os.ReadFile(note)
		made, parent, ok := strings.Cut(string(text), "\n")
		if !ok {
			continue
		}
		paths := groupsFrom(filepath.Join(parent, e.Dirs.Namespace()))
		for p := parent; made == madeByUs && p != "."; p = filepath.Dir(p) {
			paths = slices.Concat(paths, groupsAt(p))
		}
		for _, p := range paths {
			_ = os.Remove(p) // refused by the kernel unless empty
		}
		if len(groupsAt(filepath.Join(parent, e.Dirs.Namespace()))) == 0 {
			_ = os.Remove(note)
		}
	}
	_ = os.Remove(e.parents()) // likewise
}
