package app

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"stackup.dev/stackup/internal/watch"
	"stackup.dev/stackup/spec"
)

// rule is one of develop.watch, ready to be held against changes.
type rule struct {
	spec.WatchRule
	service string
	project string // folder that links may lead to
	copies  bool   // brings files into containers
	filter  *watch.Filter
}

// rulesOf are the rules of the services of only, or of all. own are files that say
// what the stack is: they are copied nowhere. ignored gives the patterns of a
// build's .dockerignore, relative to its context.
func rulesOf(s *spec.Stack, only, own []string, ignored func(*spec.Build) ([]string, error)) (out []rule, notes []string, err error) {
	for i := range s.Services {
		v := &s.Services[i]
		if len(only) > 0 && !slices.Contains(only, v.Name) {
			continue
		}
		for _, w := range v.Watch {
			r := rule{WatchRule: w, service: v.Name, project: s.Dir, copies: w.Syncs()}
			if w.Action == spec.WatchRebuild && v.Build == nil {
				return nil, nil, fmt.Errorf("service %s: develop.watch: %s is to rebuild, and the service has no build", v.Name, w.Path)
			}
			if r.copies && bound(v, w) {
				notes = append(notes, fmt.Sprintf("service %s: %s is mounted into the container: it is not copied", v.Name, w.Path))
				r.copies = false
			}
			if err := r.compile(v, ignored); err != nil {
				return nil, nil, fmt.Errorf("service %s: develop.watch: %s: %w", v.Name, w.Path, err)
			}
			if r.copies {
				r.filter.Except(own...)
			}
			out = append(out, r)
		}
	}
	return out, notes, nil
}

// bound says whether what a rule copies is there by a bind mount already.
func bound(v *spec.Service, w spec.WatchRule) bool {
	return slices.ContainsFunc(v.Mounts, func(m spec.Mount) bool {
		return m.Type == "bind" && (m.Target == w.Target || strings.HasPrefix(w.Target, strings.TrimSuffix(m.Target, "/")+"/"))
	})
}

func (r *rule) compile(v *spec.Service, ignored func(*spec.Build) ([]string, error)) (err error) {
	if r.filter, err = watch.NewFilter(r.Path, r.Include); err != nil {
		return err
	}
	if v.Build != nil {
		list, err := ignored(v.Build)
		if err != nil {
			return err
		}
		if err := r.filter.LeaveOut(v.Build.Context, list); err != nil {
			return err
		}
	}
	return r.filter.LeaveOut(r.Path, r.Ignore)
}

// work is what the rule asks for if these paths have changed.
func (r *rule) work(b watch.Batch, show func(string) string) Work {
	w := Work{Sync: map[string]string{}}
	for _, name := range b.Paths {
		if !r.filter.Has(name) {
			continue
		}
		w.Changed = append(w.Changed, show(name))
		if r.copies {
			w.Sync[r.target(name)] = ""
			if !b.Gone[name] {
				w.Sync[r.target(name)] = r.source(name)
			}
		}
	}
	if len(w.Changed) == 0 {
		return Work{}
	}
	switch r.Action {
	case spec.WatchRebuild:
		w.Rebuild = true
	case spec.WatchRestart, spec.WatchSyncRestart:
		w.Restart = true
	case spec.WatchSyncExec:
		w.Execs = []spec.Hook{*r.Exec}
	}
	return w
}

// target is where a path goes.
func (r *rule) target(name string) string {
	rel, err := filepath.Rel(r.Path, name)
	if err != nil {
		return r.Target // both are absolute
	}
	return path.Join(r.Target, filepath.ToSlash(rel))
}

// source is what is copied for a path: what a link leads to, if that is outside
// of the rule's folder, and would lead nowhere in the container. No link leads
// out of the project: what is there is not the stack's to read.
func (r *rule) source(name string) string {
	info, err := os.Lstat(name)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return name
	}
	to, err := filepath.EvalSymlinks(name)
	if err != nil {
		return name
	}
	if leadsInto(to, r.Path) || !leadsInto(to, r.project) {
		return name
	}
	return to
}

// leadsInto says whether a path without links is in a folder.
func leadsInto(to, dir string) bool {
	top, err := filepath.EvalSymlinks(dir)
	return err == nil && (to == top || strings.HasPrefix(to, top+"/"))
}

// workOf is the work that changed paths ask for, by service.
func workOf(rules []rule, b watch.Batch, show func(string) string) map[string]Work {
	out := map[string]Work{}
	for i := range rules {
		if w := rules[i].work(b, show); !w.Empty() {
			w.Since = b.First
			out[rules[i].service] = out[rules[i].service].Merge(w)
		}
	}
	return out
}
