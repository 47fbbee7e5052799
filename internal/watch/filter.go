package watch

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
)

// Filter says which paths below a root are wanted.
type Filter struct {
	root     string
	include  *patternmatcher.PatternMatcher // nil: all
	leaveOut []patterns
	never    []string
}

// patterns are of a .dockerignore file: for paths below a folder.
type patterns struct {
	base string
	pm   *patternmatcher.PatternMatcher
}

// NewFilter wants what is below root, or root itself. include, if there is any,
// are the patterns of what is wanted, in the syntax of .dockerignore files and
// relative to root.
func NewFilter(root string, include []string) (*Filter, error) {
	f := &Filter{root: filepath.Clean(root)}
	if len(include) == 0 {
		return f, nil
	}
	pm, err := patternmatcher.New(include)
	if err != nil {
		return nil, fmt.Errorf("include: %w", err)
	}
	f.include = pm
	return f, nil
}

// LeaveOut adds patterns of what is not wanted, in the syntax of .dockerignore
// files and relative to base; later ones that begin with ! take back earlier ones.
func (f *Filter) LeaveOut(base string, list []string) error {
	if len(list) == 0 {
		return nil
	}
	pm, err := patternmatcher.New(list)
	if err != nil {
		return fmt.Errorf("ignore: %w", err)
	}
	f.leaveOut = append(f.leaveOut, patterns{filepath.Clean(base), pm})
	return nil
}

// Except adds paths that are not wanted, unless one is the root.
func (f *Filter) Except(paths ...string) { f.never = append(f.never, paths...) }

// Root is the path that the filter was made for.
func (f *Filter) Root() string { return f.root }

// Has says whether a path is wanted.
func (f *Filter) Has(name string) bool {
	rel, ok := below(f.root, name)
	if !ok || temporary(rel) || f.leftOut(name) || rel != "." && slices.Contains(f.never, name) {
		return false
	}
	if f.include == nil || rel == "." {
		return true
	}
	found, err := f.include.MatchesOrParentMatches(rel)
	return err == nil && found
}

// Prunes says that nothing in a folder can be wanted, nor the folder itself.
func (f *Filter) Prunes(dir string) bool {
	rel, ok := below(f.root, dir)
	if !ok {
		_, above := below(dir, f.root)
		return !above
	}
	if temporary(rel) {
		return true
	}
	return slices.ContainsFunc(f.leaveOut, func(p patterns) bool { return p.prunes(dir) })
}

func (f *Filter) leftOut(name string) bool {
	return slices.ContainsFunc(f.leaveOut, func(p patterns) bool { return p.matches(name) })
}

func (p patterns) matches(name string) bool {
	rel, ok := below(p.base, name)
	if !ok || rel == "." {
		return false
	}
	found, err := p.pm.MatchesOrParentMatches(rel)
	return err == nil && found
}

// prunes keeps a folder that a later pattern may take back a part of.
func (p patterns) prunes(dir string) bool {
	if !p.matches(dir) {
		return false
	}
	rel, _ := below(p.base, dir)
	return !slices.ContainsFunc(p.pm.Patterns(), func(x *patternmatcher.Pattern) bool {
		return x.Exclusion() && reaches(filepath.ToSlash(x.String()), rel)
	})
}

// reaches says whether a pattern may match something in a folder.
func reaches(pattern, dir string) bool {
	parts := strings.Split(strings.Trim(pattern, "/"), "/")
	for i, name := range strings.Split(dir, "/") {
		if i >= len(parts) {
			return true // it matches a folder above, and so all below
		}
		if parts[i] == "**" {
			return true
		}
		if ok, err := path.Match(parts[i], name); err == nil && !ok {
			return false
		}
	}
	return true
}

// below gives a path relative to a folder, if it is in it or is it.
func below(dir, name string) (rel string, ok bool) {
	if name == dir {
		return ".", true
	}
	if dir == "/" {
		return strings.TrimPrefix(name, "/"), strings.HasPrefix(name, "/")
	}
	rel, ok = strings.CutPrefix(name, dir+"/")
	return rel, ok
}

// temporaries are names that editors and tools use for files that are soon gone,
// or are theirs alone: Vim, Emacs, JetBrains, Kate, LibreOffice, GNOME; and
// Git's own folder.
var temporaries = []string{
	".git", "*~", ".*.sw?", ".*.swpx", "4913", ".#*", "#*#", "*___jb_tmp___", "*___jb_old___", ".*.kate-swp", ".~lock.*#", ".goutputstream-*",
}

// temporary says whether a part of a path is such a name.
func temporary(rel string) bool {
	for part := range strings.SplitSeq(rel, "/") {
		for _, t := range temporaries {
			if ok, err := path.Match(t, part); err == nil && ok {
				return true
			}
		}
	}
	return false
}
