package spec

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// bakeTarget is a build in the words of a bake file (docker buildx, bake file
// reference).
type bakeTarget struct {
	Context       string            `json:"context,omitempty"`
	Contexts      map[string]string `json:"contexts,omitempty"`
	Dockerfile    string            `json:"dockerfile,omitempty"`
	Inline        string            `json:"dockerfile-inline,omitempty"`
	Args          map[string]string `json:"args,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
	Tags          []string          `json:"tags,omitempty"`
	Target        string            `json:"target,omitempty"`
	Platforms     []string          `json:"platforms,omitempty"`
	CacheFrom     []string          `json:"cache-from,omitempty"`
	CacheTo       []string          `json:"cache-to,omitempty"`
	Secret        []string          `json:"secret,omitempty"`
	SSH           []string          `json:"ssh,omitempty"`
	Network       string            `json:"network,omitempty"`
	ShmSize       string            `json:"shm-size,omitempty"`
	Ulimits       []string          `json:"ulimits,omitempty"`
	ExtraHosts    map[string]string `json:"extra-hosts,omitempty"`
	Entitlements  []string          `json:"entitlements,omitempty"`
	NoCache       bool              `json:"no-cache,omitempty"`
	NoCacheFilter []string          `json:"no-cache-filter,omitempty"`
	Pull          bool              `json:"pull,omitempty"`
	Attest        []string          `json:"attest,omitempty"`
	Output        []string          `json:"output,omitempty"`
}

// Bake writes the builds of services, of all for none, as a bake file. Values of
// secrets are not in it.
func Bake(s *Stack, only []string) ([]byte, error) {
	type group struct {
		Targets []string `json:"targets"`
	}
	names, targets := []string{}, map[string]bakeTarget{}
	for _, v := range s.Services {
		if v.Build == nil || len(only) > 0 && !slices.Contains(only, v.Name) {
			continue
		}
		names = append(names, v.Name)
		targets[v.Name] = bake(&v)
	}
	text, err := json.MarshalIndent(map[string]any{
		"group": map[string]group{"default": {names}}, "target": targets,
	}, "", "  ")
	return append(text, '\n'), err
}

func bake(v *Service) bakeTarget {
	b := v.Build
	t := bakeTarget{
		Context: b.Context, Contexts: PairMap(b.Contexts), Dockerfile: b.Dockerfile, Inline: b.Inline, Args: PairMap(b.Args), Labels: PairMap(b.Labels),
		Tags: append([]string{v.Image}, b.Tags...), Target: b.Target, Platforms: b.Platforms, CacheFrom: b.CacheFrom, CacheTo: b.CacheTo,
		Network: b.Network, Entitlements: b.Entitlements, NoCache: b.NoCache, NoCacheFilter: b.NoCacheFilter, Pull: b.Pull, Output: []string{"type=docker"},
	}
	for name, value := range t.Contexts {
		if service, ok := cutService(value); ok {
			t.Contexts[name] = "target:" + service
		}
	}
	if b.ShmSize > 0 {
		t.ShmSize = strconv.FormatInt(b.ShmSize, 10)
	}
	for _, u := range b.Ulimits {
		t.Ulimits = append(t.Ulimits, u.Flag())
	}
	t.access(b)
	return t
}

// access is what a build may use beyond its context, and says of itself.
func (t *bakeTarget) access(b *Build) {
	for _, h := range b.ExtraHosts {
		if t.ExtraHosts == nil {
			t.ExtraHosts = map[string]string{}
		}
		t.ExtraHosts[h.Name] = strings.Join(h.Addresses, ",")
	}
	for _, s := range b.Secrets {
		if s.From != "" {
			t.Secret = append(t.Secret, "id="+s.ID+",env="+s.From)
		} else {
			t.Secret = append(t.Secret, "id="+s.ID+",src="+s.Path)
		}
	}
	for _, k := range b.SSH {
		t.SSH = append(t.SSH, strings.TrimSuffix(k.Name+"="+k.Value, "="))
	}
	for _, a := range []Pair{{"provenance", b.Provenance}, {"sbom", b.SBOM}} {
		switch a.Value {
		case "":
		case "true", "false":
			t.Attest = append(t.Attest, "type="+a.Name+",disabled="+strconv.FormatBool(a.Value == "false"))
		default:
			t.Attest = append(t.Attest, "type="+a.Name+","+a.Value)
		}
	}
}
