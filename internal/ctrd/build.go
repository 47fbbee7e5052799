package ctrd

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/build"
	"stackup.dev/stackup/internal/labels"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// Build makes an image from its inputs as they are now, and notes with the
// image what they were.
func (e *Engine) Build(ctx context.Context, b executor.BuildSpec, line func(string)) error {
	ctx = e.ctx(ctx)
	if e.Builder == nil {
		return errors.New("internal: no builder is set up")
	}
	local, err := e.allImages(ctx)
	if err != nil {
		return err
	}
	inputs, err := e.inputs(ctx, b.Build, b.Images, local)
	if err != nil {
		return err
	}
	passing := fmt.Sprintf("%s%d/%s:1", passingName, os.Getpid(), strings.ToLower(rand.Text()))
	r := request(b, local)
	r.Ref = passing
	res, err := e.Builder.Build(ctx, r, line)
	if err != nil {
		return err
	}
	if res.Archive != "" {
		if err := e.loadBuilt(ctx, res.Archive); err != nil {
			return err
		}
	}
	if len(b.Options.Args) > 0 {
		inputs = nil // not what the file asks for
	}
	return e.nameBuilt(ctx, passing, append([]string{b.Ref}, b.Build.Tags...), inputs)
}

// CheckBuild gives what is to be said of a Dockerfile, and builds nothing.
func (e *Engine) CheckBuild(ctx context.Context, b executor.BuildSpec) (warnings string, err error) {
	ctx = e.ctx(ctx)
	local, err := e.allImages(ctx)
	if err != nil {
		return "", err
	}
	return e.Builder.Check(ctx, request(b, local))
}

// request is a build as the options of the run bend it.
func request(b executor.BuildSpec, local map[string]string) build.Request {
	made, o := *b.Build, b.Options
	made.Args, made.SSH = over(made.Args, o.Args), over(made.SSH, o.SSH)
	made.Provenance, made.SBOM = cmp.Or(o.Provenance, made.Provenance), cmp.Or(o.SBOM, made.SBOM)
	return build.Request{Dir: b.Dir, Build: &made, Images: pinned(b.Images, local), NoCache: o.NoCache, Pull: o.Pull}
}

// passingName begins the names of images that are being built: one has its own
// name and the note of its inputs at once, or not at all.
const passingName = "stackup.invalid/building/"

// pinned are the images of services by digest too, where that is known: what is
// here is meant, whatever a registry has by that name.
func pinned(services, local map[string]string) map[string]string {
	out := maps.Clone(services)
	for name, ref := range services {
		if digest := local[ref]; digest != "" {
			out[name] = ref + "@" + digest
		}
	}
	return out
}

// over gives the pairs of base, and those of top in their place or behind them.
func over(base, top []spec.Pair) []spec.Pair {
	out := slices.DeleteFunc(slices.Clone(base), func(p spec.Pair) bool {
		return slices.ContainsFunc(top, func(t spec.Pair) bool { return t.Name == p.Name })
	})
	return append(out, top...)
}

func (e *Engine) loadBuilt(ctx context.Context, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	_, err = e.LoadImages(ctx, f)
	return errors.Join(err, f.Close(), os.Remove(archive))
}

// built is what the label of a built image says: of which manifest it speaks,
// and what went into that.
type built struct {
	Digest string      `json:"digest"`
	Inputs []spec.Pair `json:"inputs"`
}

// nameBuilt gives what was built its names, with the note of its inputs, and
// takes the passing name away; those of builds that were cut short too.
func (e *Engine) nameBuilt(ctx context.Context, passing string, names []string, inputs []spec.Pair) error {
	store := e.client.ImageService()
	img, err := store.Get(ctx, passing)
	if err != nil {
		return fmt.Errorf("what was built is not here: %w", err)
	}
	text, err := json.Marshal(built{img.Target.Digest.String(), folded(inputs)})
	if err != nil {
		return err
	}
	for _, name := range names {
		named := images.Image{Name: name, Target: img.Target, Labels: map[string]string{labels.BuildInputs: string(text)}}
		_, err := store.Update(ctx, named, "target", "labels."+labels.BuildInputs)
		if errdefs.IsNotFound(err) {
			_, err = store.Create(ctx, named)
		}
		if err != nil {
			return err
		}
		e.noteImage("build", name)
	}
	return e.dropPassing(ctx, passing)
}

// dropPassing takes the passing name away, and those of builds that were cut
// short with their process.
func (e *Engine) dropPassing(ctx context.Context, mine string) error {
	list, err := e.client.ImageService().List(ctx, fmt.Sprintf("name~=%q", "^"+regexp.QuoteMeta(passingName)))
	if err != nil {
		return err
	}
	var errs []error
	for _, i := range list {
		pid, _, _ := strings.Cut(strings.TrimPrefix(i.Name, passingName), "/")
		if _, err := os.Stat("/proc/" + pid); i.Name == mine || errors.Is(err, os.ErrNotExist) {
			errs = append(errs, ignoreNotFound(e.client.ImageService().Delete(ctx, i.Name)))
		}
	}
	return errors.Join(errs...)
}

// EndBuilds lets go of what builds needed: others may build.
func (e *Engine) EndBuilds() error {
	if e.Builder == nil {
		return nil
	}
	return e.Builder.Close()
}

// SweepBuilds takes away what builds of a killed command have left, unless
// somebody builds now.
func (e *Engine) SweepBuilds(ctx context.Context) error {
	if e.Builder == nil {
		return nil
	}
	return e.Builder.Sweep(ctx)
}

// ClearBuilds ends the steps of builds that nobody waits for any more: of all that
// runs in our namespace what is not a container of a stack. Nobody may build
// meanwhile. Their snapshots are BuildKit's.
func (e *Engine) ClearBuilds(ctx context.Context) error {
	ctx = e.ctx(ctx)
	tasks, err := e.tasks(ctx) // first: a container comes before its task, and goes after it
	if err != nil {
		return err
	}
	all, err := e.client.ContainerService().List(ctx)
	if err != nil {
		return err
	}
	left := map[string]bool{}
	for id := range tasks {
		left[id] = true
	}
	for _, c := range all {
		_, ours := c.Labels[labels.Stack]
		left[c.ID] = !ours
	}
	maps.DeleteFunc(left, func(_ string, is bool) bool { return !is })
	var errs []error
	for id := range left {
		errs = append(errs, e.killAndDelete(ctx, id), ignoreNotFound(e.client.ContainerService().Delete(ctx, id)))
	}
	return errors.Join(errs...)
}

// labelSpace is what containerd lets a label have, less the key and the digest.
const labelSpace = 3800

// folded sums up the arguments in one, if there are too many for a label.
func folded(inputs []spec.Pair) []spec.Pair {
	if text, err := json.Marshal(inputs); err == nil && len(text) < labelSpace {
		return inputs
	}
	return build.Fold(inputs)
}

// inputs are what a build depends on now. local has the digests of the images
// that are here, by reference.
func (e *Engine) inputs(ctx context.Context, b *spec.Build, services, local map[string]string) ([]spec.Pair, error) {
	found, err := build.Inputs(ctx, b, e.Dirs.BuildInputs(), func(ref string) string { return local[ref] })
	for _, name := range b.Uses() {
		if digest := local[services[name]]; digest != "" {
			found = append(found, spec.Pair{Name: "image " + services[name], Value: build.Short(digest)})
		}
	}
	return found, err
}

// observeBuild compares what an image was built from with what would go into it
// now. Of an image that bears no note of it nothing is known.
func (e *Engine) observeBuild(ctx context.Context, b *spec.Build, have localImage, services, local map[string]string) (*planner.Build, error) {
	out := &planner.Build{}
	file, err := build.Dockerfile(b)
	if err != nil {
		out.Err = err.Error()
		return out, nil
	}
	out.Bases = build.Bases(file, b)
	if have.digest == "" {
		return out, nil
	}
	var was built
	if text := have.labels[labels.BuildInputs]; json.Unmarshal([]byte(text), &was) != nil || was.Digest != have.digest || len(was.Inputs) == 0 {
		out.Unknown = true
		return out, nil
	}
	now, err := e.inputs(ctx, b, services, local)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		out.Err = err.Error()
		return out, nil
	}
	if was.Inputs[0].Name == build.Folded {
		now = build.Fold(now)
	}
	out.Changed = changes(was.Inputs, now)
	return out, nil
}

// changes compares inputs. An image that is known on one side only is no
// change: it came, or went, or was fetched by the build itself.
func changes(was, now []spec.Pair) (out []spec.Change) {
	value := func(of []spec.Pair, name string) string {
		for _, p := range of {
			if p.Name == name {
				return p.Value
			}
		}
		return ""
	}
	var names []string
	for _, p := range slices.Concat(was, now) {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		a, b := value(was, name), value(now, name)
		oneSided := strings.HasPrefix(name, "image ") && (a == "" || b == "")
		if a != b && !oneSided {
			out = append(out, spec.Change{Field: "build." + name, Old: a, New: b})
		}
	}
	return out
}

// allImages gives the digests of all images that are here, by reference.
func (e *Engine) allImages(ctx context.Context) (map[string]string, error) {
	list, err := e.client.ImageService().List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	return digests(list), nil
}

func digests(list []images.Image) map[string]string {
	out := map[string]string{}
	for _, i := range list {
		out[i.Name] = i.Target.Digest.String()
	}
	return out
}

// builds gives for each image that the stack builds how, and the images of all
// its services.
func builds(s *spec.Stack) (how map[string]*spec.Build, services map[string]string) {
	how, services = map[string]*spec.Build{}, map[string]string{}
	for _, v := range s.Services {
		services[v.Name] = v.Image
		if v.Build != nil && !v.Build.Asked && how[v.Image] == nil {
			how[v.Image] = v.Build
		}
	}
	return how, services
}

// observeBuilds looks at the inputs of all images that the stack builds.
func (e *Engine) observeBuilds(ctx context.Context, s *spec.Stack, have map[string]localImage) (map[string]*planner.Build, error) {
	how, services := builds(s)
	if len(how) == 0 {
		return nil, nil
	}
	local, err := e.allImages(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]*planner.Build, len(how))
	for ref, b := range how {
		o, err := e.observeBuild(ctx, b, have[ref], services, local)
		if err != nil {
			return nil, fmt.Errorf("image %s: what it is built from: %w", strings.TrimPrefix(ref, "docker.io/library/"), err)
		}
		out[ref] = o
	}
	return out, nil
}
