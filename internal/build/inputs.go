// Package build makes images with BuildKit, and knows what a build depends on.
package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"stackup.dev/stackup/spec"
)

// Inputs sums up what a build depends on, as name and short digest, sorted: the
// context's files under .dockerignore, the Dockerfile, each argument, secret and
// further context, the base images that are on this machine, and the rest as
// "options". What lies elsewhere is known by its address alone.
//
// cache is a folder for what need not be read again while no file has changed;
// local gives the digest of an image that is on this machine, or "".
func Inputs(ctx context.Context, b *spec.Build, cache string, local func(ref string) string) ([]spec.Pair, error) {
	in := inputs{ctx: ctx, cache: cache}
	file, err := Dockerfile(b)
	if err != nil {
		return nil, err
	}
	in.add("dockerfile", file)
	in.place("context", b.Context, ignoreFiles(b))
	for _, c := range b.Contexts {
		in.place("additional_contexts."+c.Name, c.Value, []string{".dockerignore"})
	}
	for _, a := range b.Args {
		in.add("args."+a.Name, []byte(a.Value))
	}
	for _, s := range b.Secrets {
		in.add("secrets."+s.ID, []byte(s.Digest))
	}
	for _, ref := range Bases(file, b) {
		if digest := local(ref); digest != "" {
			in.add("image "+ref, []byte(digest))
		}
	}
	in.options(b)
	slices.SortFunc(in.found, func(a, b spec.Pair) int { return strings.Compare(a.Name, b.Name) })
	return in.found, errors.Join(in.errs...)
}

// folders refuses contexts of this machine that are none.
func folders(b *spec.Build) error {
	places := []string{b.Context}
	for _, c := range b.Contexts {
		places = append(places, c.Value)
	}
	for _, at := range places {
		if !filepath.IsAbs(at) {
			continue
		}
		if st, err := os.Stat(at); err == nil && !st.IsDir() {
			return fmt.Errorf("the build context %s is not a folder: give one, or the address of an archive (http) or of a repository", at)
		}
	}
	return nil
}

type inputs struct {
	ctx   context.Context
	cache string
	found []spec.Pair
	errs  []error
}

func (in *inputs) add(name string, content []byte) {
	in.found = append(in.found, spec.Pair{Name: name, Value: short(content)})
}

// Short is the short digest of a text.
func Short(text string) string { return short([]byte(text)) }

// Folded is the one name that Fold leaves.
const Folded = "inputs"

// Fold sums up inputs in one, for where there is no room for all.
func Fold(all []spec.Pair) []spec.Pair {
	text, _ := json.Marshal(all) // names and values: it cannot fail
	return []spec.Pair{{Name: Folded, Value: short(text)}}
}

func short(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:6])
}

// place sums up a folder, or an address by its text.
func (in *inputs) place(name, at string, ignore []string) {
	if !filepath.IsAbs(at) {
		in.add(name, []byte(at))
		return
	}
	sum, err := tree{dir: at, cache: in.cache}.sum(in.ctx, ignore)
	if err != nil {
		in.errs = append(in.errs, err)
	}
	in.add(name, []byte(sum))
}

// options are all that is left of b when what has a line of its own is gone.
func (in *inputs) options(b *spec.Build) {
	rest := *b
	rest.Context, rest.Dockerfile, rest.Inline, rest.Args, rest.Secrets, rest.Contexts = "", "", "", nil, nil, nil
	rest.CacheFrom, rest.CacheTo, rest.SSH, rest.NoCache, rest.Pull, rest.Asked = nil, nil, nil, false, false, false
	text, err := json.Marshal(rest)
	if err != nil {
		in.errs = append(in.errs, err)
	}
	in.add("options", text)
}

// Dockerfile is the text of the build's Dockerfile; nil for one that lies
// elsewhere with its context.
func Dockerfile(b *spec.Build) ([]byte, error) {
	if err := folders(b); err != nil {
		return nil, err
	}
	if b.Inline != "" {
		return []byte(b.Inline), nil
	}
	path := dockerfilePath(b)
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	var gone *fs.PathError
	if errors.As(err, &gone) && errors.Is(err, fs.ErrNotExist) {
		return nil, &fs.PathError{Op: "read the Dockerfile", Path: path, Err: fs.ErrNotExist}
	}
	return text, err
}

func dockerfilePath(b *spec.Build) string {
	switch {
	case filepath.IsAbs(b.Dockerfile):
		return b.Dockerfile
	case filepath.IsAbs(b.Context):
		return filepath.Join(b.Context, b.Dockerfile)
	default:
		return ""
	}
}

// ignoreFiles are the names of the context's ignore file: the Dockerfile's own
// comes before the common one, as with docker build.
func ignoreFiles(b *spec.Build) []string {
	names := []string{".dockerignore"}
	if path := dockerfilePath(b); path != "" && b.Inline == "" {
		names = append([]string{path + ".dockerignore"}, names...)
	}
	return names
}

// Ignored are the patterns of what is not part of a build's context, relative to
// it, in the order in which they count; none where the context is elsewhere.
func Ignored(b *spec.Build) ([]string, error) {
	if !filepath.IsAbs(b.Context) {
		return nil, nil
	}
	return patterns(b.Context, ignoreFiles(b))
}

// Files are the files on this machine, there or not, that say how to build and of
// what: the Dockerfile, and what may say what the context leaves out.
func Files(b *spec.Build) (out []string) {
	if path := dockerfilePath(b); path != "" && b.Inline == "" {
		out = append(out, path)
	}
	if !filepath.IsAbs(b.Context) {
		return out
	}
	for _, name := range ignoreFiles(b) {
		out = append(out, inFolder(b.Context, name))
	}
	return out
}
