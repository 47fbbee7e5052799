package build

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"

	"stackup.dev/stackup/spec"
)

// Compiled when the first build is looked at: most commands have none.
var (
	fromLine = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?im)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)(?:[ \t]+AS[ \t]+(\S+))?`)
	})
	argLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?im)^[ \t]*ARG[ \t]+([A-Za-z_]\w*)(?:=(\S*))?`) })
)

// Bases gives the images that a Dockerfile starts from, normalised: those of its
// FROM lines that are neither stages nor named contexts. A line that cannot be
// made out is left to the build.
func Bases(dockerfile []byte, b *spec.Build) []string {
	text := string(dockerfile)
	args := buildArgs(text, b)
	skip := []string{"scratch"}
	for _, c := range b.Contexts {
		skip = append(skip, c.Name)
	}
	var out []string
	for _, m := range fromLine().FindAllStringSubmatch(text, -1) {
		name := os.Expand(m[1], func(n string) string { return args[n] })
		if !slices.Contains(skip, name) {
			if ref, err := reference.ParseDockerRef(name); err == nil {
				out = append(out, ref.String())
			}
		}
		if m[2] != "" {
			skip = append(skip, m[2])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// buildArgs are those that FROM may use: declared before the first of them.
func buildArgs(text string, b *spec.Build) map[string]string {
	if at := fromLine().FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	args := map[string]string{}
	for _, m := range argLine().FindAllStringSubmatch(text, -1) {
		args[m[1]] = strings.Trim(m[2], `"'`)
		for _, a := range b.Args {
			if a.Name == m[1] {
				args[m[1]] = a.Value
			}
		}
	}
	return args
}
