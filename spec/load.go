package spec

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/transform"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
)

// Load reads the files that o names and returns the stack they ask for.
//
// Merging, interpolation, include, extends and anchors follow the Compose
// Specification. Whatever stackup does not honour is refused, never dropped.
// What is wrong with the files comes back as Problems; where no file is named
// and none is found, it also matches fs.ErrNotExist.
func Load(ctx context.Context, o Options) (*Stack, error) {
	stack, _, err := Recall(ctx, o, func(string) []byte { return nil })
	return stack, err
}

// Name gives the name of the stack that the files describe. Of the files it
// checks no more than that they can be read: it is for commands that ask what
// there is, not what there should be. Errors are as Load's.
func Name(o Options) (string, error) {
	_, name, err := open(&report{}, o)
	return name, err
}

// open finds and reads the files.
func open(rep *report, o Options) (*scan, string, error) {
	set, err := o.resolve(rep)
	if err != nil {
		return nil, "", rep.fail(err)
	}
	sc := newScan(set)
	sc.run()
	name := sc.projectName()
	return sc, name, rep.err()
}

// warm has the library compile its schema, which takes it as long as a small
// file takes altogether, while the files are found and read.
func warm() { go func() { _ = schema.Validate(map[string]any{}) }() }

// load runs the stages: find, scan, merge, refuse, convert, validate.
func load(ctx context.Context, o Options) (*types.Project, *Stack, error) {
	warm()
	sc, name, err := open(&report{}, o)
	if err != nil {
		return nil, nil, err
	}
	return sc.load(ctx, name)
}

// load runs the stages after the scan.
func (s *scan) load(ctx context.Context, name string) (*types.Project, *Stack, error) {
	rep := s.rep
	model, err := s.model(ctx, name)
	if err != nil {
		s.explain(err)
		return nil, nil, rep.err()
	}
	project, err := s.project(model, name)
	if err != nil {
		s.explain(err)
	}
	if err := rep.err(); err != nil || s.view.partial() {
		return project, nil, err
	}
	stack := s.stack(project)
	s.topNames(stack)
	s.validate(stack)
	if err := rep.err(); err != nil {
		return nil, nil, err
	}
	stack.Notices = rep.notices
	return project, stack, nil
}

// model merges the files into one tree, before defaults are filled in.
func (s *scan) model(ctx context.Context, name string) (model map[string]any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = s.panicked(v)
		}
	}()
	return loader.LoadModelWithContext(ctx, s.details(), s.loaderOptions(name))
}

// project refuses what is not honoured in the enabled services, then fills in
// the defaults and gives the tree its types.
func (s *scan) project(model map[string]any, name string) (p *types.Project, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = s.panicked(v)
		}
	}()
	if services, _ := model["services"].(map[string]any); len(services) == 0 {
		s.rep.addf(position{file: s.all.files[0].file}, "services", "no service is defined")
		return nil, nil
	}
	s.refuse(model)
	s.checkStrings(model)
	if len(s.rep.found) > 0 {
		return nil, nil
	}
	if model, err = s.filled(model, name); err != nil {
		return nil, err
	}
	s.unswapped = unswapped(model)
	details := s.details()
	p, err = loader.ModelToProject(model, loader.ToOptions(&details, []func(*loader.Options){s.loaderOptions(name)}), details)
	if err != nil {
		return nil, err
	}
	if s.view == nil || !s.view.NoEnvResolution {
		s.resolveEnvironment(p)
	}
	return p, nil
}

// unswapped notes a zero that the library takes for nothing.
func unswapped(model map[string]any) map[string]bool {
	out := map[string]bool{}
	services, _ := model["services"].(map[string]any)
	for name, v := range services {
		service, _ := v.(map[string]any)
		_, out[name] = service["mem_swappiness"]
	}
	return out
}

// withoutNull takes an attribute of services away that may be null, which is the
// same as none; the library panics over it.
func withoutNull(model map[string]any, attr string) {
	services, _ := model["services"].(map[string]any)
	for _, v := range services {
		if service, _ := v.(map[string]any); service != nil && service[attr] == nil {
			delete(service, attr)
		}
	}
}

// filled puts defaults into the model, and what names come to.
func (s *scan) filled(model map[string]any, name string) (out map[string]any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = s.panicked(v)
		}
	}()
	if model, err = transform.SetDefaultValues(model); err != nil {
		return nil, err
	}
	model["name"] = name
	withoutNull(model, "pid")
	if s.view != nil && s.view.NoNormalize {
		return model, nil
	}
	return loader.Normalize(model, s.env)
}

// refuse reports unsupported attributes, those of disabled services apart.
func (s *scan) refuse(model map[string]any) {
	enabled := map[string]any{}
	for k, v := range model {
		enabled[k] = v
	}
	enabled["services"] = s.enabled(model["services"])
	newRefuser(s.given, s.all.find, s.rep).walk(enabled, "", "")
}

// enabled leaves out the services that no active profile names.
func (s *scan) enabled(services any) map[string]any {
	all, _ := services.(map[string]any)
	on := map[string]any{}
	for name, v := range all {
		service, _ := v.(map[string]any)
		if s.profileActive(service["profiles"]) {
			on[name] = v
		}
	}
	return on
}

func (s *scan) profileActive(profiles any) bool {
	var cfg types.ServiceConfig
	list, _ := profiles.([]any)
	for _, p := range list {
		if name, ok := p.(string); ok {
			cfg.Profiles = append(cfg.Profiles, name)
		}
	}
	return cfg.HasProfile(s.Profiles)
}

func (s *scan) details() types.ConfigDetails {
	d := types.ConfigDetails{WorkingDir: s.dir, Environment: s.env}
	for _, f := range s.files {
		d.ConfigFiles = append(d.ConfigFiles, types.ConfigFile{Filename: f, Content: s.parsed[f].data})
	}
	return d
}

// loaderOptions keep apart what the library does in one go, so that the model
// can be judged as written: before defaults, and before env_file is read.
func (s *scan) loaderOptions(name string) func(*loader.Options) {
	return func(o *loader.Options) {
		o.SetProjectName(name, true)
		o.SkipNormalization = true
		o.SkipDefaultValues = true
		o.SkipConsistencyCheck = true
		o.SkipResolveEnvironment = true
		o.SkipResolveLabels = true
		o.Profiles = s.Profiles
		if s.view != nil {
			o.SkipInterpolation, o.ResolvePaths = s.view.NoInterpolate, !s.view.NoPathResolution
		}
		o.Interpolate.Substitute = func(text string, m template.Mapping) (string, error) {
			return s.rep.substitute(text, m)
		}
		o.Interpolate.TypeCastMapping = s.casts(o.Interpolate.TypeCastMapping)
		o.ResourceLoaders = []loader.ResourceLoader{onlyScanned{s}}
	}
}

// casts leaves out the types of attributes that stand in none of the files: the
// library holds every value against every one of them.
func (s *scan) casts(all map[tree.Path]interpolation.Cast) map[tree.Path]interpolation.Cast {
	written := map[string]bool{}
	for _, src := range s.parsed {
		if src != nil {
			for _, doc := range src.docs {
				keys(doc, written)
			}
		}
	}
	out := map[tree.Path]interpolation.Cast{}
	for p, cast := range all {
		if rest, ok := strings.CutPrefix(string(p), "services.*.ulimits"); ok && written["build"] && written["ulimits"] {
			out[tree.Path("services.*.build.ulimits"+rest)] = cast // which the library forgets, and panics over
		}
		if name := lastName(string(p)); name == "" || written[name] {
			out[p] = cast
		}
	}
	return out
}

// lastName is the last part of a pattern that stands for itself.
func lastName(pattern string) string {
	for _, part := range slices.Backward(strings.Split(pattern, ".")) {
		if part != tree.PathMatchAll && part != tree.PathMatchList {
			return part
		}
	}
	return ""
}

// onlyScanned makes the library refuse files that the scan has not seen.
type onlyScanned struct{ *scan }

// Accept takes what must not be read: remote addresses, and absolute paths unknown to the scan.
func (l onlyScanned) Accept(path string) bool {
	if isRemote(path) {
		return true
	}
	return filepath.IsAbs(path) && l.parsed[filepath.Clean(path)] == nil && !l.Trust && !within(l.guard.dir, resolveParent(path))
}

// Load refuses the path.
func (l onlyScanned) Load(_ context.Context, path string) (string, error) {
	return "", &Error{File: l.rep.show(path), Msg: errOutside.Error()}
}

// Dir is never used: Load refuses first.
func (l onlyScanned) Dir(path string) string { return path }

// projectName settles the stack's name: the caller's, the environment's, the
// files', else the directory's.
func (s *scan) projectName() string {
	at, from := position{}, "the project name"
	name := s.ProjectName
	if name == "" {
		name = s.setting("PROJECT_NAME")
	}
	if name == "" {
		for _, f := range s.files {
			src := s.parsed[f]
			if src == nil {
				continue
			}
			for _, doc := range src.docs {
				n := get(doc, "name")
				if text, ok := s.text(src, n, "name", scope{env: s.env}); ok {
					name, from, at = text, "name", position{src.file, n.Line, n.Column}
				} else if n != nil && s.Lenient { // any other name would be another stack's
					s.rep.addf(position{src.file, n.Line, n.Column}, "name", "its variables are not all set")
				}
			}
		}
	}
	if name == "" {
		name = loader.NormalizeProjectName(filepath.Base(s.dir))
		from = "the project name taken from the folder " + s.dir
	}
	if name == "" || loader.NormalizeProjectName(name) != name || len(name) > 63 {
		s.rep.add(&Error{
			File: s.rep.show(at.file), Line: at.line, Column: at.column, Path: from,
			Msg:  "\"" + printable(name) + "\" is not a valid project name",
			Hint: "up to 63 lower-case letters, digits, - and _, a letter or digit first; set it with -p or name:",
		})
	}
	s.env["COMPOSE_PROJECT_NAME"] = name
	return name
}

// notExist tells whether err is about a file that is not there.
func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
