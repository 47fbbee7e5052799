package spec

import (
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// extension is the attribute of a service for what only stackup knows.
const extension = "x-stackup"

// archive is the file that an image comes from where it is not on the machine.
// It need not be there as long as the image is.
func (c *converter) archive(cfg types.ServiceConfig) string {
	value, given := cfg.Extensions[extension]
	own, ok := value.(map[string]any)
	if given && !ok {
		c.problem(extension, "must be a mapping")
	}
	for _, key := range slices.Sorted(maps.Keys(own)) {
		if key != "archive" && key != "probe" && key != "restart_unhealthy" {
			c.problem(extension+"."+key, "unknown attribute; there are archive, probe and restart_unhealthy")
		}
	}
	if own["archive"] == nil {
		return ""
	}
	const attr = extension + ".archive"
	text, _ := own["archive"].(string)
	if text == "" {
		c.problem(attr, "must be the name of a file")
		return ""
	}
	switch p := cfg.PullPolicy; {
	case cfg.Build != nil:
		c.problem(attr, "the image is built; remove build or this")
	case p != "" && p != types.PullPolicyMissing && p != types.PullPolicyIfNotPresent && p != types.PullPolicyNever:
		c.problem(attr, "with pull_policy: %s the image comes from its registry; remove one", printable(p))
	}
	path := absFrom(c.dir, text)
	if err := c.guard.inside(path); err != nil {
		c.problem(attr, "%s: %v", c.rep.show(path), err)
	}
	return path
}

// Archive is where an image comes from if it is not on the machine; empty for a
// registry, or a build.
func (s *Stack) Archive(image string) string {
	for _, v := range s.Services {
		if v.Image == image && v.Archive != "" {
			return v.Archive
		}
	}
	return ""
}

// archives refuses two archives for one image.
func (v *validator) archives() {
	from := map[string]*Service{}
	for i := range v.st.Services {
		s := &v.st.Services[i]
		first := from[s.Image]
		switch {
		case s.Archive == "":
		case first == nil:
			from[s.Image] = s
		case first.Archive != s.Archive:
			v.add("services."+s.Name+"."+extension+".archive", "service "+first.Name+" takes the same image from another archive", "")
		}
	}
}
