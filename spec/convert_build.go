package spec

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// build is nil for a service without one.
func (c *converter) build(cfg types.ServiceConfig, p *types.Project) *Build {
	b := cfg.Build
	if b == nil {
		return nil
	}
	out := &Build{
		Context: b.Context, Dockerfile: b.Dockerfile, Inline: b.DockerfileInline, Target: b.Target,
		Args: c.buildArgs(b.Args), Labels: sortedPairs(b.Labels), Contexts: sortedPairs(b.AdditionalContexts),
		Platforms: some(b.Platforms), CacheFrom: some(b.CacheFrom), CacheTo: some(b.CacheTo),
		ShmSize: int64(b.ShmSize), Ulimits: c.ulimits(b.Ulimits), ExtraHosts: c.extraHosts(b.ExtraHosts),
		Entitlements: slices.Sorted(slices.Values(b.Entitlements)),
		NoCache:      b.NoCache, NoCacheFilter: some(b.NoCacheFilter), Pull: b.Pull, Provenance: b.Provenance, SBOM: b.SBOM,
		Asked: cfg.PullPolicy != "" && cfg.PullPolicy != types.PullPolicyBuild && cfg.PullPolicy != types.PullPolicyNever && cfg.Image != "",
	}
	if b.Privileged && !slices.Contains(out.Entitlements, entitlementInsecure) {
		out.Entitlements = append(out.Entitlements, entitlementInsecure)
	}
	if len(out.Platforms) == 0 && cfg.Platform != "" {
		out.Platforms = []string{cfg.Platform}
	}
	for _, k := range b.SSH {
		out.SSH = append(out.SSH, Pair{k.ID, k.Path})
	}
	slices.SortFunc(out.SSH, func(a, b Pair) int { return cmp.Compare(a.Name, b.Name) })
	for i, t := range b.Tags {
		out.Tags = append(out.Tags, c.reference(fmt.Sprintf("build.tags[%d]", i), t))
	}
	if filepath.IsAbs(out.Context) {
		out.Context = filepath.Clean(out.Context)
	}
	for i, x := range out.Contexts {
		if filepath.IsAbs(x.Value) {
			out.Contexts[i].Value = filepath.Clean(x.Value)
		}
	}
	if out.Context == "." { // the library's default; what is written it has resolved
		out.Context = c.dir
	}
	out.Network = c.buildNetwork(b.Network)
	out.Secrets = c.buildSecrets(b.Secrets, p)
	c.checkBuild(cfg.Name, out, p)
	return out
}

// entitlementInsecure lets RUN --security=insecure have all capabilities.
const entitlementInsecure = "security.insecure"

// buildArgs leaves out names without a value: the Dockerfile's default holds.
func (c *converter) buildArgs(args types.MappingWithEquals) []Pair {
	var out []Pair
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if v := args[name]; v != nil {
			out = append(out, Pair{name, *v})
		}
	}
	return out
}

func (c *converter) buildNetwork(mode string) string {
	switch mode {
	case "", "default", "host", "none":
		return strings.TrimPrefix(mode, "default")
	}
	c.problem("build.network", "%q is not default, host or none", printable(mode))
	return ""
}

func (c *converter) buildSecrets(list []types.ServiceSecretConfig, p *types.Project) []BuildSecret {
	var out []BuildSecret
	for i, r := range list {
		attr := fmt.Sprintf("build.secrets[%d]", i)
		def, ok := p.Secrets[r.Source]
		if !ok {
			c.problem(attr, "no secret %s is defined at the top level%s", r.Source, known(maps.Keys(p.Secrets)))
			continue
		}
		f := c.file(KindSecret, attr, types.FileReferenceConfig(r), types.FileObjectConfig(def), "/run/secrets/"+r.Source)
		out = append(out, BuildSecret{ID: filepath.Base(f.Target), Path: f.Path, From: f.From, Value: f.Value, Digest: f.Digest})
	}
	return out
}

// checkBuild finds what would fail only half-way through an up.
func (c *converter) checkBuild(name string, b *Build, p *types.Project) {
	for _, ctx := range b.Contexts {
		other, ok := cutService(ctx.Value)
		if !ok {
			continue
		}
		if s, there := p.Services[other]; !there || s.Build == nil || other == name {
			c.problem("build.additional_contexts."+ctx.Name, "there is no other service %s that is built", printable(other))
		}
	}
	if b.Inline != "" && b.Dockerfile != "" {
		c.problem("build.dockerfile_inline", "dockerfile is given too; remove one")
	}
}

func cutService(context string) (name string, ok bool) {
	return strings.CutPrefix(context, servicePrefix)
}
