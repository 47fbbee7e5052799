package forward

import (
	"strings"
	"text/template"

	"stackup.dev/stackup/spec"
)

const shortID = 12 // characters

// tagOf is what names the container where lines of many come together.
func tagOf(c Container, pattern string) (string, error) {
	t := spec.LogTag{ID: c.ID[:min(len(c.ID), shortID)], FullID: c.ID, Name: c.Name, ImageName: c.Image, DaemonName: "stackup"}
	if pattern == "" {
		return t.ID, nil
	}
	parsed, err := template.New("tag").Parse(pattern)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = parsed.Execute(&b, t)
	return b.String(), err
}

// along are the labels and variables that go with every record, by their names.
func along(c Container, f spec.Forward) map[string]string {
	out := map[string]string{}
	for names, all := range map[string]map[string]string{f.Labels: c.Labels, f.Environment: c.Environment} {
		for name := range strings.SplitSeq(names, ",") {
			if v, ok := all[strings.TrimSpace(name)]; ok {
				out[strings.TrimSpace(name)] = v
			}
		}
	}
	return out
}
