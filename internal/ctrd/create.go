package ctrd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
	"github.com/containerd/typeurl/v2"
	"github.com/moby/sys/signal"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/spec"
)

// Create makes snapshot, endpoint claim and container record. Containerd
// refuses a second record of one ID; one that is there already and was made
// from the same configuration is taken as done.
func (e *Engine) Create(ctx context.Context, c executor.ContainerSpec) error {
	ctx = e.ctx(ctx)
	old, err := e.client.ContainerService().Get(ctx, c.ID)
	if err == nil {
		return sameAs(old, c)
	}
	if !errdefs.IsNotFound(err) {
		return err
	}
	if err := errors.Join(e.placeMounts(), e.noteParent(&c.Service)); err != nil {
		return err
	}
	endpoint, err := e.claim(ctx, c)
	if err != nil {
		return err
	}
	if ownNetwork(&c.Service) && !choosesAddress(&c.Service) {
		e.wiring.begin(c.ID, func() { e.wire(ctx, c.ID) })
	}
	img, err := e.imageConfig(ctx, c.Service.Image, c.Digest)
	if err != nil {
		return err
	}
	c.Digest = img.digest // of one that was just built the plan knows none
	mounted, err := e.mountedImages(ctx, &c)
	if err != nil {
		return err
	}
	if err := e.prepareSnapshot(ctx, c, img); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if err := e.makeDisk(ctx, c); err != nil {
		return fmt.Errorf("storage_opt: %w", err)
	}
	if err := e.viewImages(ctx, c.ID, mounted); err != nil {
		return err
	}
	rec, err := e.record(ctx, c, img, endpoint)
	if err != nil {
		return err
	}
	if _, err := e.client.ContainerService().Create(ctx, rec); err != nil {
		return fmt.Errorf("container record: %w", err)
	}
	e.meet(rec)
	e.Note(ctx, rec.ID, "create", time.Now(), nil)
	return nil
}

// wire makes the container's network interfaces while its record is made.
func (e *Engine) wire(ctx context.Context, id string) {
	if err := e.Network.Prepare(ctx, id); err != nil {
		e.Log.Warn("prepare the network; the start tries again", "id", id, "err", err)
	}
}

// placeMounts has the library's passing mounts made below our state folder,
// where the next down finds those of a killed command. Users and volumes are
// looked up in them.
func (e *Engine) placeMounts() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.placed {
		return nil
	}
	dir := e.Dirs.Mounts(os.Getpid())
	if err := statedir.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	e.placed = true
	return mount.SetTempMountLocation(dir)
}

func sameAs(old containers.Container, c executor.ContainerSpec) error {
	if id, ok := labels.Decode(old.Labels); ok && id.Hash == c.Hash && (c.Digest == "" || id.Digest == c.Digest) {
		return nil
	}
	return fmt.Errorf("container %s exists with another configuration: run again: %w", c.ID, errdefs.ErrAlreadyExists)
}

// prepareSnapshot makes the container's writable layer. A snapshot of that
// key without a container is debris: it is replaced.
func (e *Engine) prepareSnapshot(ctx context.Context, c executor.ContainerSpec, img image) error {
	sn := e.client.SnapshotService(e.Snapshotter)
	opt := snapshots.WithLabels(snapshotLabels(c))
	_, err := sn.Prepare(ctx, c.ID, img.chainID, opt)
	if inTheWay(err) { // by failing, containerd has cleared the way
		_, err = sn.Prepare(ctx, c.ID, img.chainID, opt)
	}
	if !errdefs.IsAlreadyExists(err) {
		return err
	}
	if err := sn.Remove(ctx, c.ID); err != nil {
		return err
	}
	_, err = sn.Prepare(ctx, c.ID, img.chainID, opt)
	return err
}

// snapshotLabels say whose it is, and that it stays until it is removed: its
// container, which says so too, is recorded later.
func snapshotLabels(c executor.ContainerSpec) map[string]string {
	l := identityLabels(c)
	l[gcRoot] = time.Now().UTC().Format(time.RFC3339)
	if n := len(c.Mounted); n > 0 {
		l[labels.Mounts] = strconv.Itoa(n)
	}
	return l
}

// gcRoot keeps containerd from collecting what bears it (containerd, garbage
// collection, labels).
const gcRoot = "containerd.io/gc.root"

// inTheWay says that a folder which containerd made just before it was killed,
// and has no record of, blocks the new snapshot. The class of that error does
// not come over the wire, only its text.
func inTheWay(err error) bool {
	return err != nil && !errdefs.IsAlreadyExists(err) && strings.Contains(err.Error(), "file exists")
}

func identityLabels(c executor.ContainerSpec) map[string]string {
	return labels.Encode(labels.Identity{
		Stack: c.Stack, Ref: c.Ref, Generation: c.Generation, Hash: c.Hash, Digest: c.Digest, Name: c.Name, Dir: c.Dir, Prepares: c.Prepares, Renewed: c.Renewed, Files: labels.JoinFiles(c.Files),
	})
}

// claim reserves addresses and host ports, and records them.
func (e *Engine) claim(ctx context.Context, c executor.ContainerSpec) (network.Endpoint, error) {
	want, wishes, err := wanted(c)
	if err != nil {
		return network.Endpoint{}, err
	}
	return e.Network.Claim(ctx, want, wishes)
}

// wanted returns what a container claims.
func wanted(c executor.ContainerSpec) (want network.Endpoint, wishes []network.Published, err error) {
	want = network.Endpoint{
		ID: c.ID, Stack: c.Stack, Service: c.Ref.Name, Index: c.Ref.Index,
		Name: c.Name, Hostname: hostnameOf(c), Hosts: extraHosts(&c.Service), Links: links(&c.Service), Servers: servers(c.Service.DNS), Avoid: avoided(c),
		Kept: !c.OwnNetwork,
	}
	if want.Attachments, err = attachments(c); err != nil {
		return want, nil, err
	}
	for _, p := range c.Service.Ports {
		wishes = append(wishes, network.Published{
			HostIP: p.HostIP, HostPort: p.HostPort, HostPortEnd: p.HostPortEnd, Target: p.Target, Protocol: p.Protocol,
		})
	}
	return want, wishes, nil
}

// record is the whole container record, with its OCI spec and desired model.
func (e *Engine) record(ctx context.Context, c executor.ContainerSpec, img image, p network.Endpoint) (containers.Container, error) {
	var rec containers.Container
	rt, err := e.runtime(&c.Service)
	if err != nil {
		return rec, err
	}
	e.noteStopSignal(c, img)
	ext, err := storedFor(c, img).marshal()
	if err != nil {
		return rec, err
	}
	rec = containers.Container{
		ID: c.ID, Image: c.Service.Image, Runtime: rt,
		SnapshotKey: c.ID, Snapshotter: e.Snapshotter,
		Extensions: map[string]typeurl.Any{extensionKey: ext},
	}
	if rec.Labels, err = recordLabels(c, p); err != nil {
		return rec, err
	}
	made := c
	made.Service.Mounts = withImageVolumes(c.Service.Mounts, img)
	mounts, err := e.mounts(ctx, made)
	if err != nil {
		return rec, err
	}
	if err := e.fillVolumes(ctx, made); err != nil {
		return rec, err
	}
	s, err := e.ociSpec(ctx, c, img, probeHost(), &rec, mounts)
	if err != nil {
		return rec, err
	}
	if err := e.grant(c.ID, &c.Service, s.Process.User); err != nil {
		return rec, err
	}
	if rec.Spec, err = typeurl.MarshalAny(s); err != nil {
		return rec, err
	}
	return rec, e.join(ctx, &rec, c.Stack)
}

func storedFor(c executor.ContainerSpec, img image) stored {
	s := stored{Service: c.Service, Networks: c.Networks, Volumes: onlyNames(c.Volumes), Mounted: c.Mounted, Health: effectiveHealth(c.Service.Healthcheck, img.health)}
	s.StopSignal = firstOf(c.Service.StopSignal, img.config.StopSignal, defaultStop)
	if c.Service.StopSignal == "" && !img.stopSignalKnown() {
		s.StopSignal = defaultStop
	}
	return s
}

// defaultStop is what containers are stopped by whose file and image say nothing, or whose
// image says what is no signal.
const defaultStop = "SIGTERM"

// stopSignalKnown reports whether the image's stop signal is one of Linux, or it has none.
func (i image) stopSignalKnown() bool {
	_, err := signal.ParseSignal(i.config.StopSignal)
	return err == nil || i.config.StopSignal == ""
}

// noteStopSignal tells who creates a container that its image's stop signal is none.
func (e *Engine) noteStopSignal(c executor.ContainerSpec, img image) {
	if c.Service.StopSignal == "" && !img.stopSignalKnown() && e.Tell != nil {
		e.Tell(fmt.Sprintf("%s: the stop signal %q of image %s is no signal of Linux, and SIGTERM is sent (stop_signal in the file chooses another)", c.Name, img.config.StopSignal, c.Service.Image))
	}
}

// onlyNames leaves out what the volumes' own records have: options may hold a
// login, and are for root alone.
func onlyNames(list []spec.Volume) (out []spec.Volume) {
	for _, v := range list {
		out = append(out, spec.Volume{Key: v.Key, Name: v.Name, External: v.External})
	}
	return out
}

// effectiveHealth is the file's healthcheck; one without a test keeps the
// image's test with the file's timings.
func effectiveHealth(file, img *spec.Healthcheck) *spec.Healthcheck {
	if file == nil {
		return img
	}
	if file.Disable || len(file.Test) > 0 || file.Probe != (spec.Probe{}) || img == nil {
		return file
	}
	merged := *file
	merged.Test = img.Test
	return &merged
}

// relabel replaces the user's labels and leaves ours alone.
func relabel(all map[string]string, old, wanted []spec.Pair) {
	for _, l := range old {
		if !labels.Ours(l.Name) {
			delete(all, l.Name)
		}
	}
	for _, l := range wanted {
		if !labels.Ours(l.Name) {
			all[l.Name] = l.Value
		}
	}
}

// recordLabels are the user's labels and ours.
func recordLabels(c executor.ContainerSpec, p network.Endpoint) (map[string]string, error) {
	out := map[string]string{}
	relabel(out, nil, c.Service.Labels)
	maps.Copy(out, identityLabels(c))
	out[labels.Desired] = labels.DesiredRunning // here, as each later change costs the engine a sync of its disk
	b, err := encodeEndpoint(p)
	out[labels.Endpoint] = b
	return out, err
}

// Addresses of an endpoint by network, for showing.
func addresses(p network.Endpoint) map[string]string {
	out := map[string]string{}
	for _, a := range p.Attachments {
		switch {
		case a.Address.IsValid():
			out[a.Network] = a.Address.Addr().String()
		case a.Address6.IsValid():
			out[a.Network] = a.Address6.Addr().String()
		}
	}
	return out
}
