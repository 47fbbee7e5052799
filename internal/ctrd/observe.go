package ctrd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	tasksapi "github.com/containerd/containerd/api/services/tasks/v1"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/snapshots"
	"golang.org/x/sync/errgroup"

	"stackup.dev/stackup/internal/health"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Observe reads what there is of a stack and of the host. The number of calls
// to containerd is fixed: containers, tasks, snapshots and images are each
// listed once, however many services there are; only images that are absent
// cost a question to their registry.
func (e *Engine) Observe(ctx context.Context, s *spec.Stack) (planner.State, error) {
	ctx = e.ctx(ctx)
	st := planner.State{Stack: s.Name}
	g, gctx := errgroup.WithContext(ctx)
	down := len(s.Services)+len(s.Disabled) == 0 // nothing wanted: what is damaged may go too
	g.Go(func() (err error) { st.Containers, err = e.observeContainers(gctx, s.Name, down); return err })
	g.Go(func() (err error) { st.Images, err = e.observeImages(gctx, s); return err })
	g.Go(func() (err error) { st.Networks, err = e.observeNetworks(gctx, s.Name, down); return err })
	g.Go(func() (err error) { st.Volumes, err = e.volumes.List(); return err })
	g.Go(func() (err error) { st.PortsInUse, err = e.observePorts(gctx, s); return err })
	g.Go(func() (err error) { st.NamesInUse, err = e.observeNames(gctx, s); return err })
	st.Lacks = e.lacks(s)
	return st, g.Wait()
}

// observePorts asks the host only if the stack publishes anything. What the
// stack itself has published is not in its own way.
func (e *Engine) observePorts(ctx context.Context, s *spec.Stack) ([]planner.PortUse, error) {
	wanted := wantedPorts(s)
	if len(wanted) == 0 {
		return nil, nil
	}
	used, err := e.Network.PortsInUse(ctx, wanted)
	if err != nil {
		return nil, err
	}
	if err := e.Network.Recall(ctx); err != nil { // of containers that do not run too
		return nil, err
	}
	published, err := e.Network.PublishedPorts()
	for _, p := range published {
		if p.Stack != s.Name {
			used = append(used, p.PortUse)
		}
	}
	return used, err
}

// wantedPorts are the host ports that the stack asks for by number.
func wantedPorts(s *spec.Stack) []network.Published {
	var out []network.Published
	for _, v := range s.Services {
		for _, p := range v.Ports {
			for n := int(p.HostPort); n > 0 && n <= int(p.HostPortEnd); n++ {
				out = append(out, network.Published{HostIP: p.HostIP, HostPort: uint16(n), Protocol: p.Protocol})
			}
		}
	}
	return out
}

// observeContainers lists this stack's containers, and the debris that an
// interrupted run left of one.
func (e *Engine) observeContainers(ctx context.Context, stack string, damagedToo bool) ([]planner.Container, error) {
	found, err := e.containers(ctx, stack)
	if err != nil {
		return nil, err
	}
	tasks, err := e.tasks(ctx)
	if err != nil {
		return nil, err
	}
	p, err := e.places()
	if err != nil {
		return nil, err
	}
	var out []planner.Container
	seen := map[string]bool{}
	for _, c := range found {
		t, orphaned := tasks[c.ID], false
		if t == nil {
			if t, orphaned, err = e.settledMissing(ctx, p, c.ID); err != nil {
				return nil, fmt.Errorf("container %s: %w", c.ID, err)
			}
		}
		o, _, err := e.observed(c, t)
		if orphaned {
			o.Task = planner.TaskOrphaned
		}
		if o.Task == planner.TaskRunning && len(o.Service.PostStart) > 0 && e.halfStarted(c.ID) {
			o.Task = planner.TaskCreated // for a plan, a start that is not over is none
		}
		if err != nil && damagedToo {
			ref := planner.Ref{Kind: planner.KindContainer, Name: c.Labels[labels.Service]}
			o, err = planner.Container{ID: c.ID, Ref: ref, Task: planner.TaskNone, Partial: true}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("container %s: %w (stackup -p %s down removes it)", c.ID, err, stack)
		}
		seen[c.ID] = true
		out = append(out, o)
	}
	debris, err := e.debris(ctx, stack, seen)
	return append(out, debris...), err
}

func (e *Engine) containers(ctx context.Context, stack string) ([]containers.Container, error) {
	filter := fmt.Sprintf("labels.%q", labels.Stack)
	if stack != "" {
		filter = fmt.Sprintf("labels.%q==%q", labels.Stack, stack)
	}
	return e.containersBy(ctx, filter)
}

// containersBy lists the containers that one of these filters fits.
func (e *Engine) containersBy(ctx context.Context, filters ...string) (cs []containers.Container, err error) {
	err = within(ctx, "Containers/ListStream", func(ctx context.Context) (err error) {
		cs, err = e.client.ContainerService().List(ctx, filters...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	return cs, nil
}

func (e *Engine) tasks(ctx context.Context) (map[string]*tasktypes.Process, error) {
	r, err := e.client.TaskService().List(ctx, &tasksapi.ListTasksRequest{})
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", native(err))
	}
	out := map[string]*tasktypes.Process{}
	for _, t := range r.Tasks {
		if t.Status != tasktypes.Status_UNKNOWN { // containerd 2 leaves out those whose shim does not answer
			out[t.ID] = t
		}
	}
	return out, nil
}

func (e *Engine) observed(c containers.Container, t *tasktypes.Process) (o planner.Container, s stored, err error) {
	id, ok := labels.Decode(c.Labels)
	if !ok {
		return o, s, errors.New("its labels are damaged")
	}
	if s, err = storedOf(c); err != nil {
		return o, s, err
	}
	o = planner.Container{
		ID: c.ID, Ref: id.Ref, Name: id.Name, Generation: id.Generation, Prepares: id.Prepares, Renewed: id.Renewed,
		Hash: id.Hash, Digest: id.Digest, Service: s.Service, Networks: s.Networks, Volumes: s.Volumes, Mounted: s.Mounted, Task: planner.TaskNone,
	}
	if t != nil {
		o.Task, o.ExitCode = taskState(t.Status), int(t.ExitStatus)
	} else if e.forgotten(c.ID, &o.Service) {
		o.Hash = "" // it cannot start as it is
	}
	if o.Task == planner.TaskRunning && s.Health != nil && !s.Health.Disable {
		o.Health = e.healthOf(c.ID)
	}
	return o, s, nil
}

// healthOf is Starting until the first probe has spoken.
func (e *Engine) healthOf(id string) planner.Health {
	st, err := health.ReadFile(e.Dirs, id)
	if err != nil {
		return planner.HealthStarting
	}
	return planner.Health(st.Health)
}

func taskState(s tasktypes.Status) planner.TaskState {
	switch s {
	case tasktypes.Status_RUNNING:
		return planner.TaskRunning
	case tasktypes.Status_CREATED:
		return planner.TaskCreated
	case tasktypes.Status_PAUSED, tasktypes.Status_PAUSING:
		return planner.TaskPaused
	case tasktypes.Status_STOPPED:
		return planner.TaskStopped
	default:
		return planner.TaskNone
	}
}

// debris finds snapshots, endpoint records and folders whose container is
// not there: what a run killed half-way leaves.
func (e *Engine) debris(ctx context.Context, stack string, seen map[string]bool) ([]planner.Container, error) {
	var out []planner.Container
	add := func(id string, i labels.Identity) {
		if !seen[id] {
			seen[id] = true
			out = append(out, planner.Container{ID: id, Ref: i.Ref, Generation: i.Generation, Prepares: i.Prepares, Task: planner.TaskNone, Partial: true})
		}
	}
	filter := fmt.Sprintf("labels.%q==%q", labels.Stack, stack)
	err := within(ctx, "Snapshots/List", func(ctx context.Context) error {
		return e.client.SnapshotService(e.Snapshotter).Walk(ctx, func(_ context.Context, s snapshots.Info) error {
			if i, ok := labels.Decode(s.Labels); ok {
				add(s.Name, i)
			}
			return nil
		}, filter)
	})
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	ends, err := e.Network.Endpoints()
	if err != nil {
		return nil, err
	}
	for _, p := range ends {
		if p.Stack == stack {
			add(p.ID, labels.Identity{Ref: planner.Ref{Kind: planner.KindContainer, Name: p.Service, Index: p.Index}})
		}
	}
	return out, nil
}

func (e *Engine) observeImages(ctx context.Context, s *spec.Stack) ([]planner.Image, error) {
	refs := imageRefs(s)
	if len(refs) == 0 {
		return nil, nil
	}
	local, err := e.localImages(ctx, refs)
	if err != nil {
		return nil, err
	}
	made, err := e.observeBuilds(ctx, s, local)
	if err != nil {
		return nil, err
	}
	policy := pullPolicies(s)
	out := make([]planner.Image, len(refs))
	var wg sync.WaitGroup
	for i, ref := range refs {
		have := local[ref]
		out[i] = planner.Image{Ref: ref, Local: have.digest, Wanted: have.digest, Build: made[ref]}
		switch {
		case made[ref] != nil: // no registry is asked
		case have.digest == "" && s.Archive(ref) != "":
			out[i].Err = whyNoArchive(s.Archive(ref))
		case have.digest == "" && policy[ref].Policy == spec.PullNever:
			out[i].Err = "it is not on this machine, and pull_policy is never"
		case have.digest == "" || due(policy[ref], time.Since(have.updated)):
			wg.Go(func() { e.ask(ctx, &out[i]) })
		}
	}
	wg.Wait()
	return out, nil
}

// ask looks an image up in its registry. Where that cannot be reached, what is
// on this machine will do.
func (e *Engine) ask(ctx context.Context, i *planner.Image) {
	d, err := e.resolve(ctx, i.Ref)
	switch {
	case err == nil:
		i.Wanted = d
	case i.Local == "":
		i.Err = whyNot(i.Ref, err)
	}
}

// pullPolicies gives for each image the most eager policy of the services that
// use it.
func pullPolicies(s *spec.Stack) map[string]spec.Pull {
	eager := []spec.PullPolicy{spec.PullNever, "", spec.PullEvery, spec.PullAlways}
	out := map[string]spec.Pull{}
	add := func(v *spec.Service) {
		old, seen := out[v.Image]
		a, b := slices.Index(eager, old.Policy), slices.Index(eager, v.Pull.Policy)
		if !seen || b > a || b == a && v.Pull.Every < old.Every {
			out[v.Image] = v.Pull
		}
	}
	for i := range s.Services {
		for _, part := range s.Services[i].Parts() {
			add(part)
		}
	}
	return out
}

// due says whether a local image of that age is looked up again.
func due(p spec.Pull, age time.Duration) bool {
	return p.Policy == spec.PullAlways || p.Policy == spec.PullEvery && age > time.Duration(p.Every)
}

func imageRefs(s *spec.Stack) []string {
	var refs []string
	for i := range s.Services {
		for _, part := range s.Services[i].Parts() {
			refs = append(append(refs, part.Image), part.MountedImages()...)
		}
	}
	slices.Sort(refs)
	return slices.DeleteFunc(slices.Compact(refs), func(ref string) bool { return ref == "" }) // of what is no container
}

// LocalImages gives the digests of those of refs that are on this machine, by ref.
func (e *Engine) LocalImages(ctx context.Context, refs []string) (map[string]string, error) {
	local, err := e.localImages(e.ctx(ctx), refs)
	out := map[string]string{}
	for ref, i := range local {
		out[ref] = i.digest
	}
	return out, err
}

// localImage is what this machine has of an image.
type localImage struct {
	digest  string
	updated time.Time // when it was last pulled or loaded
	labels  map[string]string
}

func (e *Engine) localImages(ctx context.Context, refs []string) (map[string]localImage, error) {
	if len(refs) == 0 { // no filter would be all images
		return nil, nil
	}
	var filters []string
	for _, r := range refs {
		filters = append(filters, fmt.Sprintf("name==%q", r))
	}
	list, err := e.client.ImageService().List(ctx, filters...)
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	out := map[string]localImage{}
	for _, i := range list {
		out[i.Name] = localImage{i.Target.Digest.String(), i.UpdatedAt, i.Labels}
	}
	return out, nil
}

// Stacks names the stacks that have containers here.
func (e *Engine) Stacks(ctx context.Context) ([]string, error) {
	cs, err := e.containers(e.ctx(ctx), "")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range cs {
		out = append(out, c.Labels[labels.Stack])
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// RemoveShared takes away the folders and control groups that containers
// share, as far as they are empty. For when the last stack has gone.
func (e *Engine) RemoveShared() {
	ns := e.Dirs.Namespace()
	paths := append(slices.Concat(groupsAt(filepath.Join(ns, "buildkit")), groupsFrom(ns)),
		filepath.Join(e.Dirs.RuncRoot(), ns), e.Dirs.RuncRoot(),
		filepath.Dir(e.Dirs.Container("x")), e.Dirs.IO(), e.Dirs.Logs(), filepath.Dir(e.Dirs.Exec(0)), filepath.Dir(e.Dirs.Mounts(0)),
		e.Dirs.Networks(), e.Dirs.Endpoints(), e.Dirs.Netns(), e.Dirs.Volumes(), filepath.Dir(e.Dirs.Disk("x")), e.Dirs.VolumeUsers(), e.Dirs.CNICache())
	_ = os.RemoveAll(e.Dirs.BuildInputs()) // a cache
	e.removeParents()
	for _, p := range paths {
		_ = os.Remove(p) // refused by the kernel unless empty: what we want
	}
}
