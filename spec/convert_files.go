package spec

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
)

// fileMode is that of a config or secret that says nothing else (Compose
// Specification, "services", configs and secrets).
const fileMode = 0o444

// files joins configs and secrets, sorted by target.
func (c *converter) files(cfg types.ServiceConfig, p *types.Project) []File {
	var out []File
	for i, r := range cfg.Configs {
		def, ok := p.Configs[r.Source]
		attr := fmt.Sprintf("configs[%d]", i)
		if !ok {
			c.problem(attr, "no config %s is defined at the top level%s", r.Source, known(maps.Keys(p.Configs)))
			continue
		}
		out = append(out, c.file(KindConfig, attr, types.FileReferenceConfig(r), types.FileObjectConfig(def), "/"+r.Source))
	}
	for i, r := range cfg.Secrets {
		def, ok := p.Secrets[r.Source]
		attr := fmt.Sprintf("secrets[%d]", i)
		if !ok {
			c.problem(attr, "no secret %s is defined at the top level%s", r.Source, known(maps.Keys(p.Secrets)))
			continue
		}
		out = append(out, c.file(KindSecret, attr, types.FileReferenceConfig(r), types.FileObjectConfig(def), "/run/secrets/"+r.Source))
	}
	slices.SortStableFunc(out, func(a, b File) int { return cmp.Compare(a.Target, b.Target) })
	for i := 1; i < len(out); i++ {
		if out[i].Target == out[i-1].Target {
			c.problem(string(out[i].Kind)+"s", "%s and %s both stand at %s", out[i-1].Source, out[i].Source, out[i].Target)
		}
	}
	return out
}

func (c *converter) file(kind FileKind, attr string, r types.FileReferenceConfig, def types.FileObjectConfig, standard string) File {
	f := File{Kind: kind, Source: r.Source, Target: cmp.Or(r.Target, standard), UID: c.id(attr+".uid", r.UID), GID: c.id(attr+".gid", r.GID), Mode: fileMode}
	if kind == KindSecret && !path.IsAbs(f.Target) {
		f.Target = path.Join("/run/secrets", f.Target)
	}
	if f.Target = path.Clean(f.Target); !path.IsAbs(f.Target) || f.Target == "/" {
		c.problem(attr+".target", "%q is not an absolute path of a file", printable(r.Target))
	}
	if r.Mode != nil {
		f.Mode = uint32(*r.Mode) & 0o7777 //nolint:gosec // permission bits
	}
	text, err := c.content(&f, def)
	if err != nil {
		where := string(kind) + "s." + r.Source
		c.rep.addf(c.all.find(where), where, "%v", err)
	}
	sum := sha256.Sum256([]byte(text))
	f.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return f
}

// content gives what the file holds, and notes where it comes from.
func (c *converter) content(f *File, def types.FileObjectConfig) (string, error) {
	switch {
	case bool(def.External):
		return c.external(f, def)
	case def.File != "":
		f.Path = absFrom(c.dir, def.File)
		data, err := c.guard.content(f.Path, false)
		if err != nil {
			err = fmt.Errorf("%s: %w", c.rep.show(f.Path), err)
		}
		return string(data), err
	case def.Environment != "":
		value, set := c.env[def.Environment]
		if !set && !c.Lenient {
			return "", fmt.Errorf("the variable %s is not set", printable(def.Environment))
		}
		f.From, f.Value = def.Environment, value
		c.fromEnvironment = true
		return value, nil
	default:
		f.Text = def.Content
		return def.Content, nil
	}
}

func (c *converter) id(attr, text string) int {
	if text == "" {
		return -1
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		c.problem(attr, "%q is not a number of a user or group", printable(text))
	}
	return int(n) //nolint:gosec // 31 bits
}

// external reads what somebody else has put into this machine's store: a file by
// the name of the config or secret.
func (c *converter) external(f *File, def types.FileObjectConfig) (string, error) {
	name := cmp.Or(def.Name, f.Source)
	if !isName(name) {
		return "", fmt.Errorf("%q is not a name of letters, digits, _ . and -", printable(name))
	}
	if c.Store == "" {
		return "", fmt.Errorf("it is external, and no store is known")
	}
	f.Path = filepath.Join(c.Store, string(f.Kind)+"s", name)
	data, err := c.guard.content(f.Path, true)
	if err != nil {
		err = fmt.Errorf("it is external, so it must be a file %s: %w", f.Path, err)
	}
	return string(data), err
}
