package spec

import (
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// topVolume converts a top-level volume; more are labels that services give it.
func (s *scan) topVolume(key string, v types.VolumeConfig, more types.Labels) Volume {
	path := "volumes." + key
	fail := func(attr, format string, args ...any) {
		s.rep.addf(s.all.find(path+"."+attr), path+"."+attr, format, args...)
	}
	labels := types.Labels{}
	maps.Copy(labels, v.Labels)
	maps.Copy(labels, more)
	out := Volume{Key: key, Name: v.Name, External: bool(v.External), Labels: sortedPairs(labels)}
	checkLabels(out.Labels, fail)
	for _, name := range slices.Sorted(maps.Keys(v.DriverOpts)) {
		value := v.DriverOpts[name]
		if hasControl(value, false) {
			fail("driver_opts."+name, "the value holds control characters")
		}
		switch name {
		case "type":
			out.Local.Type = value
		case "device":
			out.Local.Device = value
		case "o":
			out.Local.Options = value
		case "size":
			fail("driver_opts.size", "the size of a folder is not limited here; a tmpfs has one: o: size=%s", printable(value))
		default:
			fail("driver_opts."+printable(name), "driver local has no such option; it has type, device and o")
		}
	}
	if len(v.DriverOpts) > 0 {
		checkLocal(out.Local, fail)
	}
	return out
}

// checkLocal refuses what could never be mounted.
func checkLocal(l LocalMount, fail func(attr, format string, args ...any)) {
	if l.Type == "" || l.Device == "" {
		fail("driver_opts", "type and device are both needed, as mount has them (type: none, o: bind, device: /path)")
		return
	}
	if l.Bind() && !filepath.IsAbs(l.Device) {
		fail("driver_opts.device", "%q is not an absolute path; with driver: local and o: bind it may start from the project directory", printable(l.Device))
	}
	if l.remote() && l.Addr() == "" && l.Type != "cifs" {
		fail("driver_opts.o", "%s needs the server's address: addr=NAME", l.Type)
	}
	if strings.HasPrefix(l.Type, "fuse") {
		fail("driver_opts.type", "%s needs a program of its own on this machine: mount it yourself, and bind the folder", printable(l.Type))
	}
}

// Bind says whether it is a folder of this machine.
func (l LocalMount) Bind() bool {
	words := strings.Split(l.Options, ",")
	return slices.Contains(words, "bind") || slices.Contains(words, "rbind")
}

func (l LocalMount) remote() bool {
	return l.Type == "nfs" || l.Type == "nfs4" || l.Type == "cifs"
}

// Addr is the server, a name or an address; empty if there is none.
func (l LocalMount) Addr() string {
	if !l.remote() {
		return ""
	}
	for word := range strings.SplitSeq(l.Options, ",") {
		if name, ok := strings.CutPrefix(word, "addr="); ok {
			return name
		}
	}
	return ""
}

// Resolved has an address where the server had a name.
func (l LocalMount) Resolved(a netip.Addr) LocalMount {
	words := strings.Split(l.Options, ",")
	for i, w := range words {
		if strings.HasPrefix(w, "addr=") {
			words[i] = "addr=" + a.Unmap().String()
		}
	}
	l.Options = strings.Join(words, ",")
	return l
}

// volumeLabels are those of an anonymous volume; those of a named one are the
// volume's, whoever gives them.
func (c *converter) volumeLabels(m *Mount, labels types.Labels, attr string, used *usage) {
	if len(labels) == 0 {
		return
	}
	if m.Source == "" {
		m.Labels = sortedPairs(labels)
		return
	}
	if c.volumes[m.Source].External {
		c.problem(attr, "volume %s is external: its labels are with whoever makes it", m.Source)
		return
	}
	if used.labels[m.Source] == nil {
		used.labels[m.Source] = types.Labels{}
	}
	for name, value := range labels {
		if old, ok := used.labels[m.Source][name]; ok && old != value {
			c.problem(attr, "%s is %q here and %q elsewhere: give it at the top level", printable(name), printable(value), printable(old))
		}
		used.labels[m.Source][name] = value
	}
}
