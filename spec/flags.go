package spec

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/mattn/go-shellwords"
)

// Flags are what a command line puts over a service, in the short forms that
// stack files have.
type Flags struct {
	Ports, Volumes, CapAdd, CapDrop []string
	Dir                             string // what relative paths start from
}

// Over adds f to a service of st. What is wrong with it comes back as Problems.
func (f Flags) Over(st *Stack, v *Service) error {
	rep := &report{}
	c := &converter{scan: &scan{setup: &setup{rep: rep}, all: &sources{}, volumes: types.Volumes{}}, path: "flag"}
	for _, t := range st.Volumes {
		c.volumes[t.Key] = types.VolumeConfig{}
	}
	v.Security.CapAdd = slices.Concat(v.Security.CapAdd, c.capabilities("cap-add", f.CapAdd))
	v.Security.CapDrop = slices.Concat(v.Security.CapDrop, c.capabilities("cap-drop", f.CapDrop))
	for _, text := range f.Ports {
		v.Ports = slices.Concat(v.Ports, c.shortPort(text))
	}
	for _, text := range f.Volumes {
		m := c.shortVolume(text, f.Dir)
		v.Mounts = append(slices.DeleteFunc(slices.Clone(v.Mounts), func(o Mount) bool { return o.Target == m.Target }), m)
	}
	return rep.err()
}

func (c *converter) shortPort(text string) []Port {
	list, err := types.ParsePortConfig(text)
	if err != nil || rangeSize(text) > maxPorts {
		c.problem("publish", "%q is not a port as [IP:][HOSTPORT:]PORT[/PROTOCOL]", printable(text))
		return nil
	}
	return c.ports(list, way{ipv4: true, ipv6: true})
}

func (c *converter) shortVolume(text, dir string) Mount {
	v, err := format.ParseVolume(text)
	if err != nil || v.Target == "" {
		c.problem("volume", "%q is not a volume as SOURCE:TARGET[:ro]", printable(text))
		return Mount{}
	}
	if v.Type == types.VolumeTypeBind && !filepath.IsAbs(v.Source) && !strings.HasPrefix(v.Source, "~") {
		v.Source = filepath.Join(dir, v.Source)
	}
	return c.volume(v, "volume", &usage{networks: map[string]bool{}, volumes: map[string]bool{}})
}

// Words splits a command as a stack file's command is split: by spaces and
// quotes, as a shell does, with nothing replaced.
func Words(text string) ([]string, error) {
	words, err := shellwords.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%q cannot be split into words: %w", printable(text), err)
	}
	return append([]string{}, words...), nil
}
