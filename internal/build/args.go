package build

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"stackup.dev/stackup/spec"
)

// Request is one build.
type Request struct {
	Ref     string // the image's name
	Dir     string // project directory, which relative paths of caches are of
	Build   *spec.Build
	Images  map[string]string // image references by service, for contexts that are one
	NoCache bool              // build every step anew, whatever the file says
	Pull    bool              // ask registries for base images that are here
}

// arguments of buildctl for a request.
type arguments struct{ list, env []string }

func (a *arguments) add(flag string, format string, args ...any) {
	a.list = append(a.list, "--"+flag, fmt.Sprintf(format, args...))
}

func (a *arguments) opt(name, value string) {
	if value != "" {
		a.add("opt", "%s=%s", name, value)
	}
}

// arguments gives the command line; scratch is a folder for a Dockerfile that
// stands in the stack file.
func (r Request) arguments(scratch string) *arguments {
	a := &arguments{list: []string{"build", "--frontend", "dockerfile.v0", "--progress", "rawjson"}}
	r.places(a, scratch)
	b := r.Build
	for _, p := range b.Args {
		a.add("opt", "build-arg:%s=%s", p.Name, p.Value)
	}
	for _, p := range b.Labels {
		a.add("opt", "label:%s=%s", p.Name, p.Value)
	}
	a.opt("target", b.Target)
	a.opt("platform", strings.Join(b.Platforms, ","))
	a.opt("force-network-mode", b.Network)
	a.opt("add-hosts", hosts(b.ExtraHosts))
	a.opt("ulimit", ulimits(b.Ulimits))
	a.opt("no-cache", strings.Join(b.NoCacheFilter, ","))
	if b.ShmSize > 0 {
		a.opt("shm-size", strconv.FormatInt(b.ShmSize, 10))
	}
	// By default a registry comes first, and what is here if it has no answer.
	a.opt("image-resolve-mode", map[bool]string{true: "default", false: "local"}[b.Pull || r.Pull])
	r.attest(a)
	r.access(a)
	if b.NoCache || r.NoCache {
		a.list = append(a.list, "--no-cache")
	}
	return a
}

// places says where the Dockerfile and the contexts are.
func (r Request) places(a *arguments, scratch string) {
	b := r.Build
	path := dockerfilePath(b)
	switch {
	case b.Inline != "":
		path = filepath.Join(scratch, "Dockerfile")
	case path == "":
		a.opt("filename", b.Dockerfile)
	}
	if path != "" {
		a.add("local", "dockerfile=%s", filepath.Dir(path))
		a.opt("filename", filepath.Base(path))
	}
	if filepath.IsAbs(b.Context) {
		a.add("local", "context=%s", b.Context)
	} else {
		a.opt("context", b.Context)
	}
	for _, c := range b.Contexts {
		value := c.Value
		if service, ok := strings.CutPrefix(value, "service:"); ok {
			value = "docker-image://" + r.Images[service]
		}
		if filepath.IsAbs(value) {
			a.add("local", "%s=%s", c.Name, value)
			value = "local:" + c.Name
		}
		a.opt("context:"+c.Name, value)
	}
}

func (r Request) attest(a *arguments) {
	for name, value := range map[string]string{"attest:provenance": r.Build.Provenance, "attest:sbom": r.Build.SBOM} {
		switch value {
		case "", "false":
		case "true":
			a.add("opt", "%s=", name)
		default:
			a.opt(name, value)
		}
	}
}

// access is what a build may use beyond its context. Values of secrets pass by
// the environment, never by the command line.
func (r Request) access(a *arguments) {
	b := r.Build
	for i, s := range b.Secrets {
		if s.From == "" {
			a.add("secret", "id=%s,src=%s", s.ID, s.Path)
			continue
		}
		name := fmt.Sprintf("STACKUP_BUILD_SECRET_%d", i)
		a.add("secret", "id=%s,env=%s", s.ID, name)
		a.env = append(a.env, name+"="+s.Value)
	}
	for _, k := range b.SSH {
		if k.Value == "" {
			a.add("ssh", "%s", k.Name)
		} else {
			a.add("ssh", "%s=%s", k.Name, k.Value)
		}
	}
	allowed := b.Entitlements
	if b.Network == "host" {
		allowed = append(allowed[:len(allowed):len(allowed)], "network.host")
	}
	for _, e := range allowed {
		a.add("allow", "%s", e)
	}
	for _, c := range b.CacheFrom {
		a.add("import-cache", "%s", cacheSpec(c))
	}
	for _, c := range b.CacheTo {
		a.add("export-cache", "%s", cacheSpec(c))
	}
}

// cacheSpec: a name alone is an image's in a registry.
func cacheSpec(c string) string {
	if strings.Contains(c, "=") {
		return c
	}
	return "type=registry,ref=" + c
}

// hosts: the builder's network is this machine's, so host-gateway is itself.
func hosts(list []spec.Host) string {
	var out []string
	for _, h := range list {
		for _, a := range h.Addresses {
			out = append(out, h.Name+"="+strings.Replace(a, "host-gateway", "127.0.0.1", 1))
		}
	}
	return strings.Join(out, ",")
}

func ulimits(list []spec.Ulimit) string {
	var out []string
	for _, u := range list {
		out = append(out, u.Flag())
	}
	return strings.Join(out, ",")
}
