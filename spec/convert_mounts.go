package spec

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"
)

// mounts joins volumes and tmpfs, sorted by target.
func (c *converter) mounts(cfg types.ServiceConfig, used *usage) []Mount {
	var list []Mount
	taken := map[string]string{}
	add := func(m Mount, attr string) {
		if !path.IsAbs(m.Target) {
			c.problem(attr, "the target %q is not an absolute path", m.Target)
		}
		m.Target = path.Clean(m.Target)
		if first, ok := taken[m.Target]; ok {
			c.problem(attr, "%s is mounted already by %s", m.Target, first)
			return
		}
		taken[m.Target] = attr
		list = append(list, m)
	}
	for i, v := range cfg.Volumes {
		attr := fmt.Sprintf("volumes[%d]", i)
		add(c.volume(v, attr, used), attr)
	}
	for i, t := range cfg.Tmpfs {
		attr := fmt.Sprintf("tmpfs[%d]", i)
		add(c.tmpfs(t, attr), attr)
	}
	slices.SortFunc(list, func(a, b Mount) int { return cmp.Compare(a.Target, b.Target) })
	return list
}

func (c *converter) volume(v types.ServiceVolumeConfig, attr string, used *usage) Mount {
	m := Mount{Type: MountType(v.Type), Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly}
	switch m.Type {
	case MountBind:
		m.CreateHostPath = v.Bind == nil || bool(v.Bind.CreateHostPath)
		if v.Bind != nil {
			if p := v.Bind.Propagation; p != "" && !slices.Contains([]string{"private", "rprivate", "shared", "rshared", "slave", "rslave"}, p) {
				c.problem(attr+".bind.propagation", "%q is not private, shared or slave, nor one of them with an r before it", printable(p))
			}
			m.SELinux = v.Bind.SELinux
			m.Propagation, m.Recursive = strings.TrimSuffix(v.Bind.Propagation, "rprivate"), recursive(v.Bind.Recursive)
		}
	case MountVolume:
		if v.Source != "" {
			used.volumes[v.Source] = true
			c.knownVolume(v.Source, attr)
		}
		if v.Volume != nil {
			m.NoCopy = v.Volume.NoCopy
			c.volumeLabels(&m, types.Labels(v.Volume.Labels), attr+".volume.labels", used)
			m.Subpath = c.subpath(v.Volume.Subpath, attr+".volume.subpath", "volume")
		}
	case MountTmpfs:
		if v.Source != "" {
			c.problem(attr+".source", "a tmpfs has no source")
		}
		if v.Tmpfs != nil {
			m.Size, m.Mode = int64(v.Tmpfs.Size), v.Tmpfs.Mode
			c.tmpfsValues(m, attr+".tmpfs")
		}
	case MountImage:
		m.Source, m.ReadOnly = c.mountedImage(v, attr), true
		if v.Image != nil {
			m.Subpath = c.subpath(v.Image.SubPath, attr+".image.subpath", "image")
		}
	default:
		why := "it is for Windows"
		if v.Type == "cluster" {
			why = "there is one node"
		}
		c.problem(attr+".type", "%s is not possible here (%s); use bind, volume, tmpfs or image", printable(v.Type), why)
	}
	return m
}

func (c *converter) mountedImage(v types.ServiceVolumeConfig, attr string) string {
	if v.Source == "" {
		c.problem(attr+".source", "an image needs a name")
		return ""
	}
	return c.reference(attr+".source", v.Source)
}

// subpath is empty for the whole of what is mounted.
func (c *converter) subpath(text, attr, of string) string {
	p := path.Clean(text)
	if p == "." { // which is what an empty one comes to
		return ""
	}
	if !filepath.IsLocal(p) {
		c.problem(attr, "%q leads out of the %s", printable(p), of)
	}
	return p
}

// recursive keeps what differs from a plain mount, with all that is mounted below.
func recursive(text string) string {
	switch text {
	case "disabled", "readonly":
		return text
	default: // enabled, writable
		return ""
	}
}

func (c *converter) knownVolume(key, attr string) {
	if _, ok := c.volumes[key]; !ok {
		c.problem(attr, "no volume %s is defined at the top level%s", key, known(maps.Keys(c.volumes)))
	}
}

// tmpfs reads the short form: target[:option,…], options as mount(8) has them.
func (c *converter) tmpfs(text, attr string) Mount {
	target, opts, _ := strings.Cut(text, ":")
	m := Mount{Type: MountTmpfs, Target: target}
	for _, o := range strings.Split(opts, ",") {
		name, value, _ := strings.Cut(o, "=")
		var err error
		switch name {
		case "":
		case "size":
			if m.Options, err = c.tmpfsSize(&m, o, value); err != nil {
				c.problem(attr, "%q is not a size", value)
			}
		case "mode":
			var mode uint64
			if mode, err = strconv.ParseUint(value, 8, 12); err != nil {
				c.problem(attr, "%q is not an octal mode", value)
			}
			m.Mode = uint32(mode)
		case "ro":
			m.ReadOnly = true
		case "rw":
		default:
			m.Options = append(m.Options, o)
		}
	}
	slices.Sort(m.Options)
	if strings.Contains(target, ",") {
		c.problem(attr, "%q: give each target an entry of its own", printable(target))
	}
	c.tmpfsValues(m, attr)
	return m
}

func (c *converter) tmpfsValues(m Mount, attr string) {
	if m.Size < 0 {
		c.problem(attr, "a size of %d bytes is less than nothing; leave it out for no limit", m.Size)
	}
	if m.Mode > 0o7777 {
		c.problem(attr, "%o is not an octal mode", m.Mode)
	}
}

// tmpfsSize sets the size in bytes; a share of memory such as 50% stays an option.
func (c *converter) tmpfsSize(m *Mount, option, value string) ([]string, error) {
	if strings.HasSuffix(value, "%") {
		return append(m.Options, option), nil
	}
	size, err := units.RAMInBytes(value)
	m.Size = size
	return m.Options, err
}
