package app

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/watch"
	"stackup.dev/stackup/spec"
)

// WatchOptions bend a Watch.
type WatchOptions struct {
	Poll time.Duration // how often to look, where the system tells of no changes; 0 for never
	// Changes are the engine's, as they come; they tell of containers that others make.
	Changes func(context.Context) (<-chan any, <-chan error)
	// Ignored gives the patterns of what is not part of a build's context, and
	// BuildFiles the files that say how to build.
	Ignored    func(*spec.Build) ([]string, error)
	BuildFiles func(*spec.Build) []string
	// Begun is told once all is watched, and again when that changes.
	Begun func(Watched)
}

// Watched says what is watched.
type Watched struct {
	Services []string // that have rules, sorted
	Rules    int
	Files    int      // that the stack is read from
	Notes    []string // what else there is to know
}

// Watch keeps the stack that was applied last as its files are, until ctx ends.
func (l *Live) Watch(ctx context.Context, o WatchOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	w := &watching{l: l, o: o, ctx: ctx, batches: make(chan watch.Batch), failed: make(chan error, 1), applied: make(chan struct{}, 1), jobs: newJobs(l.Do)}
	defer w.wg.Wait()
	defer w.jobs.wait()
	defer cancel()
	if err := w.begin(); err != nil {
		return err
	}
	w.wg.Go(w.newcomers)
	return w.loop()
}

// watching is a Watch under way.
type watching struct {
	l       *Live
	o       WatchOptions
	ctx     context.Context
	wg      sync.WaitGroup
	jobs    *jobs
	batches chan watch.Batch
	failed  chan error
	applied chan struct{} // a stack was applied, or could not be

	rules   []rule
	sources []string
	stop    context.CancelFunc // of the watcher

	applying bool
	saved    []string // sources that wait for the next apply
	since    time.Time
}

func (w *watching) loop() error {
	for {
		select {
		case <-w.ctx.Done():
			return nil
		case err := <-w.failed:
			return err
		case b := <-w.batches:
			w.take(b)
		case <-w.applied:
			w.applying = false
			if err := w.begin(); err != nil {
				return err
			}
			w.apply()
		}
	}
}

// take hands a batch's changes to whoever they concern.
func (w *watching) take(b watch.Batch) {
	for _, name := range b.Paths {
		if _, found := slices.BinarySearch(w.sources, name); found {
			if len(w.saved) == 0 {
				w.since = b.First
			}
			w.saved = append(w.saved, w.show(name))
		}
	}
	for service, work := range workOf(w.rules, b, w.show) {
		w.jobs.add(w.ctx, service, work)
	}
	w.apply()
}

// apply has the stack applied anew if files of it were saved; once it is done,
// applied says so.
func (w *watching) apply() {
	if w.applying || len(w.saved) == 0 {
		return
	}
	slices.Sort(w.saved)
	saved, since := slices.Compact(w.saved), w.since
	w.saved, w.applying = nil, true
	w.wg.Go(func() {
		_ = w.l.Apply(w.ctx, saved, since) // it is told
		w.applied <- struct{}{}
	})
}

// begin watches what the stack now asks for, if that is not watched already. The
// watcher before goes on until its last batch has come: nothing falls between.
func (w *watching) begin() error {
	s := w.l.Stack()
	rules, notes, err := rulesOf(s, w.l.Only, append(w.buildFiles(s), s.Files...), w.o.Ignored)
	if err != nil && w.stop != nil { // it runs already: the next save mends it
		w.o.Begun(Watched{Notes: []string{err.Error()}})
		return nil
	}
	if err != nil {
		return err
	}
	sources := w.sourcesOf(s)
	if w.stop != nil && slices.Equal(sources, w.sources) && slices.EqualFunc(rules, w.rules, sameRule) {
		return nil
	}
	before := w.rules
	next, err := w.watch(rules, sources)
	if err != nil {
		return err
	}
	w.rules, w.sources = rules, sources
	w.o.Begun(watched(rules, sources, notes))
	w.initially(next, before)
	if w.stop != nil {
		w.stop()
	}
	ctx, cancel := context.WithCancel(w.ctx)
	w.stop = func() { time.AfterFunc(2*watch.Most, cancel) }
	w.wg.Go(func() { w.run(ctx, next) })
	return nil
}

func sameRule(a, b rule) bool {
	return a.service == b.service && a.copies == b.copies && reflect.DeepEqual(a.WatchRule, b.WatchRule)
}

func (w *watching) watch(rules []rule, sources []string) (*watch.Watcher, error) {
	var filters []*watch.Filter
	for _, r := range rules {
		filters = append(filters, r.filter)
	}
	for _, name := range sources {
		f, err := watch.NewFilter(name, nil)
		if err != nil {
			return nil, err
		}
		filters = append(filters, f)
	}
	return watch.New(filters, w.l.Stack().Dir, w.o.Poll)
}

// run passes a watcher's batches on until another takes its place.
func (w *watching) run(ctx context.Context, next *watch.Watcher) {
	done := make(chan error, 1)
	go func() { done <- next.Run(ctx) }()
	for {
		select {
		case b := <-next.Batches():
			select {
			case w.batches <- b:
			case <-w.ctx.Done():
			}
		case err := <-done:
			if err != nil {
				select {
				case w.failed <- err:
				case <-w.ctx.Done():
				}
			}
			return
		}
	}
}

// initially copies what rules with initial_sync say that had none before.
func (w *watching) initially(next *watch.Watcher, before []rule) {
	for i := range w.rules {
		r := &w.rules[i]
		known := slices.ContainsFunc(before, func(o rule) bool { return sameRule(o, *r) })
		if !r.InitialSync || !r.copies || known {
			continue
		}
		work := Work{Since: time.Now(), Sync: map[string]string{}, Changed: []string{w.show(r.Path)}}
		names := next.Known(r.filter)
		for _, name := range names {
			if name != r.Path || len(names) == 1 { // the folder itself is made by what is in it
				work.Sync[r.target(name)] = r.source(name)
			}
		}
		w.jobs.add(w.ctx, r.service, work)
	}
}

func watched(rules []rule, sources []string, notes []string) Watched {
	out := Watched{Rules: len(rules), Files: len(sources), Notes: notes}
	for _, r := range rules {
		out.Services = append(out.Services, r.service)
	}
	slices.Sort(out.Services)
	out.Services = slices.Compact(out.Services)
	return out
}

// sourcesOf are the files that an apply depends on: those that the stack was
// read from, and what builds go by.
func (w *watching) sourcesOf(s *spec.Stack) []string {
	out := append(w.buildFiles(s), s.Sources...)
	slices.Sort(out)
	return slices.Compact(out)
}

// buildFiles are the Dockerfiles, and what says what they do without.
func (w *watching) buildFiles(s *spec.Stack) (out []string) {
	for _, v := range s.Services {
		if v.Build != nil {
			out = append(out, w.o.BuildFiles(v.Build)...)
		}
	}
	return out
}

// show is a path as the user would write it.
func (w *watching) show(name string) string {
	if rel, err := filepath.Rel(w.l.Stack().Dir, name); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return name
}

// settled is how long the engine is quiet before containers are looked at.
const settled = 100 * time.Millisecond

// newcomers fills containers that were made since, by whomever.
func (w *watching) newcomers() {
	for w.ctx.Err() == nil {
		changes, errs := w.o.Changes(w.ctx)
		w.l.attend(true)
		if w.fill() { // whatever was missed
			w.jobs.retry(w.ctx)
		}
		w.listen(changes, errs)
		w.l.attend(false)
		select {
		case <-time.After(time.Second): // the engine comes back
		case <-w.ctx.Done():
		}
	}
}

func (w *watching) listen(changes <-chan any, errs <-chan error) {
	quiet := time.NewTimer(settled)
	defer quiet.Stop()
	for {
		select {
		case c, ok := <-changes:
			if !ok {
				return
			}
			w.l.Changed()
			if _, is := c.(inspect.Change); is {
				quiet.Reset(settled)
			}
		case <-quiet.C:
			w.fill()
		case err := <-errs: // the engine is asked again
			w.l.App.Log.Debug("its events have ended", "error", err)
			return
		case <-w.ctx.Done():
			return
		}
	}
}

// fill has the services looked after that have a container which lacks copies;
// an engine that does not answer is asked again when it does.
func (w *watching) fill() (answered bool) {
	lacking, err := w.l.Lacking(w.ctx)
	if err != nil {
		return false
	}
	if len(lacking) > 0 {
		w.l.Changed()
	}
	for _, service := range lacking {
		w.jobs.add(w.ctx, service, Work{Since: time.Now(), Fill: true})
	}
	return true
}
