package spec

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Options say which files to load and how; the zero value loads what is found
// in the current directory. A field set here wins over the STACKUP_ variable
// of the same meaning, and that over the COMPOSE_ one.
type Options struct {
	Files       []string  // stack files in merge order, "-" for Stdin; else STACKUP_FILE, COMPOSE_FILE, else the default names
	ProjectName string    // else STACKUP_PROJECT_NAME, COMPOSE_PROJECT_NAME, name: in the files, the directory's name
	Profiles    []string  // else STACKUP_PROFILES, COMPOSE_PROFILES
	EnvFiles    []string  // else STACKUP_ENV_FILES, COMPOSE_ENV_FILES, else .env of the project directory
	ProjectDir  string    // what relative paths in the files start from; else the first file's directory
	WorkingDir  string    // what relative paths in Options start from; else the process's
	Environ     []string  // NAME=value, later entries win; what ${NAME} in the files means
	Stdin       io.Reader // read once for the file "-"; nil: os.Stdin
	Trust       bool      // read files outside the project directory that the stack files name
	Store       string    // folder of this machine with external configs and secrets: configs/NAME, secrets/NAME
	MaxReplicas int       // containers of one service at most; 0 for 100
	// Lenient takes variables that must be set and are not for 0, and files that services
	// name and are gone for empty. It is for commands that make nothing of the files.
	Lenient bool

	view *View // Config's, if it is to leave something out
}

// setup is what Options and the environment come to.
type setup struct {
	Options
	env   map[string]string
	dir   string // project directory, absolute
	files []string
	guard *guard
	rep   *report
}

// resolve works out directories, environment, files and profiles.
func (o Options) resolve(rep *report) (*setup, error) {
	wd, err := filepath.Abs(cmp.Or(o.WorkingDir, "."))
	if err != nil {
		return nil, err
	}
	rep.wd = wd
	s := &setup{Options: o, env: environMap(o.Environ), rep: rep, guard: &guard{trust: o.Trust, lenient: o.Lenient}}
	rep.lenient = o.Lenient
	if s.Stdin == nil {
		s.Stdin = os.Stdin
	}
	s.setDir(s.firstDir())
	envFiles, err := s.envFiles()
	if err != nil {
		return nil, err
	}
	if err := s.loadEnvFiles(envFiles); err != nil {
		return nil, err
	}
	if err := s.resolveFiles(); err != nil {
		return nil, err
	}
	if len(s.Profiles) == 0 {
		s.Profiles = splitList(s.setting("PROFILES"), ",")
	}
	s.MaxReplicas = cmp.Or(s.MaxReplicas, maxReplicas)
	return s, nil
}

// setting reads STACKUP_name, else COMPOSE_name.
func (s *setup) setting(name string) string {
	return cmp.Or(s.env["STACKUP_"+name], s.env["COMPOSE_"+name])
}

func (s *setup) given(name string) bool { return s.setting(name) != "" }

func (s *setup) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(s.rep.wd, path)
}

func (s *setup) setDir(dir string) {
	s.dir = dir
	s.guard.dir = dir
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		s.guard.dir = target
	}
}

// firstDir is the project directory as far as it is known before .env is read.
func (s *setup) firstDir() string {
	if s.ProjectDir != "" {
		return s.abs(s.ProjectDir)
	}
	return dirOf(s.fileList(), s.rep.wd, s.abs)
}

// fileList is what the user named: flags or environment.
func (s *setup) fileList() []string {
	if len(s.Files) > 0 {
		return s.Files
	}
	sep := cmp.Or(s.env["STACKUP_PATH_SEPARATOR"], s.env["COMPOSE_PATH_SEPARATOR"], string(os.PathListSeparator))
	return splitList(s.setting("FILE"), sep)
}

// resolveFiles settles which files are read and from where paths start.
func (s *setup) resolveFiles() error {
	for _, f := range s.fileList() {
		if isRemote(f) {
			return &Error{File: printable(f), Msg: "only stack files of this machine are read", Hint: "fetch it first and name the local file"}
		}
		if f != stdinName {
			f = s.abs(f)
		}
		s.files = append(s.files, f)
	}
	before := s.dir
	if len(s.files) == 0 {
		found, err := findFiles(s.dir, s.rep)
		if err != nil {
			return err
		}
		s.files = found
	}
	if s.ProjectDir != "" {
		return nil
	}
	s.setDir(dirOf(s.files, s.rep.wd, s.abs))
	if s.dir == before {
		return nil
	}
	files, err := s.envFiles() // the .env beside a file found in a parent, or named by .env
	if err != nil {
		return err
	}
	return s.loadEnvFiles(files)
}

// dirOf is the directory of the first real file, else the fallback.
func dirOf(files []string, fallback string, abs func(string) string) string {
	for _, f := range files {
		if f != stdinName && !isRemote(f) {
			return filepath.Dir(abs(f))
		}
	}
	return fallback
}

// envFile is a file of variables; named ones were asked for by the user.
type envFile struct {
	path  string
	named bool
}

func (s *setup) envFiles() ([]envFile, error) {
	list := s.EnvFiles
	if len(list) == 0 {
		list = splitList(s.setting("ENV_FILES"), ",")
	}
	var files []envFile
	for _, f := range list {
		files = append(files, envFile{s.abs(f), true})
	}
	if len(files) > 0 {
		return files, nil
	}
	if v := s.setting("DISABLE_ENV_FILE"); v != "" {
		off, err := strconv.ParseBool(v)
		if err != nil {
			return nil, &Error{Msg: fmt.Sprintf("COMPOSE_DISABLE_ENV_FILE: %q is neither true nor false", v)}
		}
		if off {
			return nil, nil
		}
	}
	def := filepath.Join(s.dir, ".env")
	if info, err := os.Stat(def); err != nil || info.IsDir() {
		return nil, nil // an implicit convenience: absent is fine
	}
	return []envFile{{def, false}}, nil
}

func environMap(environ []string) map[string]string {
	env := map[string]string{}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok && name != "" {
			env[name] = value
		}
	}
	return env
}

func splitList(s, sep string) []string {
	var list []string
	for _, f := range strings.Split(s, sep) {
		if f = strings.TrimSpace(f); f != "" {
			list = append(list, f)
		}
	}
	return list
}

// isRemote tells whether a path is a git, oci or web address rather than a file.
func isRemote(path string) bool {
	return strings.Contains(path, "://") || strings.HasPrefix(path, "git@") ||
		strings.HasPrefix(path, "github.com/") || strings.HasPrefix(path, "oci:")
}
