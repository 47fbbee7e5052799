// Package ctrd is the engine on containerd: the only package that speaks to
// its client. Every method of Engine is one action of a plan and may be
// repeated after a crash.
package ctrd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	introspection "github.com/containerd/containerd/api/services/introspection/v1"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/containerd/errdefs"
	"github.com/containerd/typeurl/v2"
	"github.com/moby/sys/signal"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/build"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/volume"
	"stackup.dev/stackup/spec"
)

// runtimeName is the runtime shim of every container.
const runtimeName = "io.containerd.runc.v2"

// Config says which engine to use and how.
type Config struct {
	Address     string // containerd's socket
	Dirs        statedir.Dirs
	Network     *network.Host
	Embedded    bool    // it is the engine of Dirs, of the version that this program has linked in
	Snapshotter string  // empty: overlayfs where the engine has it, else native
	RuntimeBin  string  // OCI runtime program; empty for the one that containerd finds itself
	ShimBin     string  // runtime shim program of the embedded engine; empty: it is left to containerd to start it
	InitBin     string  // program for init: true
	Builder     Builder // nil: nothing can be built
	Helpers     Helpers // nil: nobody collects output or probes
	Log         *slog.Logger
	Tell        func(note string) // tells the user what nobody asked for; nil: nobody listens
}

// Builder makes images: with the engine itself, or elsewhere.
type Builder interface {
	Build(ctx context.Context, r build.Request, line func(string)) (build.Result, error)
	Check(ctx context.Context, r build.Request) (warnings string, err error)
	// Sweep takes away what a killed command's builds have left.
	Sweep(ctx context.Context) error
	Close() error
}

// Helpers are the processes that outlive a command. They end when they have
// had nothing to do for a while, so they are asked for each time.
type Helpers interface {
	// Collect is called before each start: from now on there is output.
	Collect(ctx context.Context) error
	// Ensure is called before each wait for what only the supervisor does.
	Ensure(ctx context.Context) error
}

// Engine carries out single actions on one containerd, over one connection.
type Engine struct {
	Config
	client   *containerd.Client
	volumes  volume.Mounts
	telling  *semaphore.Weighted // bounds how many processes are told to end at once
	clearing *semaphore.Weighted // bounds how many stops clear away at once
	starting *semaphore.Weighted // one shim's start at a time

	met    met   // for notes of what happens
	wiring ahead // network interfaces
	quick  quickener

	mu     sync.Mutex
	images map[string]image // by manifest digest: read once per command
	placed bool             // passing mounts have their place
	ready  sync.WaitGroup   // what Expect has begun
	early  string           // the stack whose shim Expect has started
	used   atomic.Bool      // a task was created

	grouping sync.Mutex
	grouped  map[string]bool // the stacks that are known to have a sandbox record
}

// The guarantee that Engine is what the executor needs.
var _ executor.Engine = (*Engine)(nil)

type image struct {
	digest  string
	config  ocispec.ImageConfig
	health  *spec.Healthcheck // Docker's own extension of the image config
	chainID string
}

// answerTimeout bounds the first call: an engine that does not answer by then
// is reported as such.
const answerTimeout = 3 * time.Second

// New connects, and asks the engine for its snapshotters.
func New(ctx context.Context, c Config) (*Engine, error) {
	if err := listening(c.Address); err != nil {
		return nil, fmt.Errorf("the engine at %s does not answer: %w", c.Address, err)
	}
	e := &Engine{
		Config: c, images: map[string]image{}, grouped: map[string]bool{},
		telling: semaphore.NewWeighted(tellAtOnce), clearing: semaphore.NewWeighted(executor.DefaultParallel), starting: semaphore.NewWeighted(1),
	}
	e.volumes = volume.Mounts{Store: volume.Store{Dir: c.Dirs.Volumes(), Note: e.noteVolume}, Dirs: c.Dirs, Mount: mountLocal}
	if e.Network != nil {
		e.Network.Note, e.Network.Labelled = e.noteNetwork, e.labelledEndpoints
	}
	client, err := containerd.New(c.Address,
		containerd.WithDefaultNamespace(c.Dirs.Namespace()),
		containerd.WithExtraDialOpts([]grpc.DialOption{grpc.WithChainUnaryInterceptor(e.deadline), grpc.WithConnectParams(connecting)}))
	if err != nil {
		return nil, fmt.Errorf("connect to containerd at %s: %w", c.Address, err)
	}
	e.client = client
	if err := e.chooseSnapshotter(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("the engine at %s does not answer: %w", c.Address, err), client.Close())
	}
	return e, nil
}

// listening says in plain words why nobody answers at a socket, if so.
func listening(address string) error {
	c, err := net.DialTimeout("unix", address, answerTimeout)
	switch {
	case err == nil:
		return c.Close()
	case errors.Is(err, fs.ErrNotExist):
		return &absentError{"no such socket"}
	case errors.Is(err, unix.ECONNREFUSED):
		return &absentError{"nobody listens on its socket"}
	default:
		return err
	}
}

func (e *Engine) snapshotters(ctx context.Context) (r *introspection.PluginsResponse, err error) {
	err = limited(ctx, answerTimeout, "Introspection/Plugins", func(ctx context.Context) (err error) {
		r, err = e.client.IntrospectionService().Plugins(ctx, `type=="io.containerd.snapshotter.v1"`)
		return err
	})
	return r, err
}

// overlayfs is the snapshotter whose snapshots are folders over folders.
const overlayfs = "overlayfs"

func (e *Engine) chooseSnapshotter(ctx context.Context) error {
	if e.Snapshotter != "" {
		return nil
	}
	r, err := e.snapshotters(e.ctx(ctx))
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, p := range r.Plugins {
		have[p.ID] = p.InitErr == nil
	}
	for _, name := range []string{overlayfs, "native"} {
		if have[name] {
			e.Snapshotter = name
			return nil
		}
	}
	return errors.New("it has neither the overlayfs nor the native snapshotter")
}

// Close ends the connection, and takes the folders of this process away.
func (e *Engine) Close() error {
	e.ready.Wait()
	e.wiring.wait()
	e.endEarlyShim()
	mine := e.Dirs.Exec(os.Getpid())
	err := os.RemoveAll(mine)
	err = errors.Join(err, e.EndBuilds(), e.client.Close())
	for _, p := range []string{filepath.Dir(mine), e.Dirs.Mounts(os.Getpid()), filepath.Dir(e.Dirs.Mounts(0))} {
		_ = os.Remove(p) // refused by the kernel while something is in it
	}
	return err
}

// Version asks containerd for its version.
func (e *Engine) Version(ctx context.Context) (string, error) {
	v, err := e.client.Version(ctx)
	return v.Version, err
}

// UUID is containerd's own identity: the same under whatever address it is reached.
func (e *Engine) UUID(ctx context.Context) (string, error) {
	s, err := e.client.Server(e.ctx(ctx))
	return s.UUID, err
}

// ctx adds containerd's namespace.
func (e *Engine) ctx(ctx context.Context) context.Context {
	return namespaces.WithNamespace(ctx, e.Dirs.Namespace())
}

// Lease protects what a run pulls from garbage collection until release is
// called. The lease's name is the stack's, so that a run after a crash takes
// the old lease over; the caller holds the stack's lock.
func (e *Engine) Lease(ctx context.Context, stack string) (_ context.Context, release func(context.Context) error, _ error) {
	id := leaseOf(stack)
	_, err := e.client.LeasesService().Create(e.ctx(ctx), leases.WithID(id), leases.WithExpiration(24*time.Hour))
	if err != nil && !errdefs.IsAlreadyExists(err) {
		return nil, nil, fmt.Errorf("lease %s: %w", id, err)
	}
	release = func(ctx context.Context) error { return e.Unlease(ctx, stack) }
	return leases.WithLease(ctx, id), release, nil
}

// Unlease gives a stack's lease back; none is no error.
func (e *Engine) Unlease(ctx context.Context, stack string) error {
	return ignoreNotFound(e.client.LeasesService().Delete(e.ctx(ctx), leases.Lease{ID: leaseOf(stack)}))
}

func leaseOf(stack string) string { return "stackup-" + stack }

// extensionKey is where the desired model is stored with a container.
const extensionKey = "dev.stackup.service"

// extensionURL names the stored model's version; others are refused.
const extensionURL = "dev.stackup/service/v1"

// stored is the desired model as kept with a container.
type stored struct {
	Service    spec.Service      `json:"service"`
	Networks   []spec.Network    `json:"networks,omitempty"`    // those it was made with
	Volumes    []spec.Volume     `json:"volumes,omitempty"`     // likewise
	Mounted    map[string]string `json:"mounted,omitempty"`     // digests of the images that it mounts, by reference
	Health     *spec.Healthcheck `json:"health,omitempty"`      // in force: the file's, else the image's
	StopSignal string            `json:"stop_signal,omitempty"` // in force: the file's, else the image's
}

// stopSignal is what the container is stopped by. Earlier versions have stored what is no
// signal, as an image said.
func (s stored) stopSignal() unix.Signal {
	sig, err := signal.ParseSignal(s.StopSignal)
	if err != nil {
		return unix.SIGTERM
	}
	return sig
}

// anyValue is a typed value that containerd stores without knowing it.
type anyValue struct {
	url   string
	value []byte
}

func (a anyValue) GetTypeUrl() string { return a.url } //nolint:staticcheck // typeurl.Any spells it so
func (a anyValue) GetValue() []byte   { return a.value }

func (s stored) marshal() (typeurl.Any, error) {
	b, err := json.Marshal(s)
	return anyValue{url: extensionURL, value: b}, err
}

// specOf is a container's OCI spec, whole; who needs a part of it decodes that.
func specOf(rec containers.Container) (o oci.Spec, err error) {
	err = typeurl.UnmarshalTo(rec.Spec, &o)
	return o, err
}

func storedOf(c containers.Container) (s stored, err error) {
	ext, ok := c.Extensions[extensionKey]
	if !ok {
		return s, errors.New("the container does not hold its desired model")
	}
	if ext.GetTypeUrl() != extensionURL {
		return s, fmt.Errorf("the container's desired model has version %s, this stackup reads %s", ext.GetTypeUrl(), extensionURL)
	}
	return s, json.Unmarshal(ext.GetValue(), &s)
}

func ignoreNotFound(err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}
