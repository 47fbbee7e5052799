package spec

// Build says how a service's image is made (Compose Build Specification).
// Nothing of it is a property of a container: a build that is due shows by its
// inputs.
type Build struct {
	Context    string   `json:"context"`              // absolute folder, or an address that BuildKit knows
	Dockerfile string   `json:"dockerfile,omitempty"` // path in the context, or absolute
	Inline     string   `json:"dockerfile_inline,omitempty"`
	Target     string   `json:"target,omitempty"` // stage; empty for the last
	Args       []Pair   `json:"args,omitempty"`
	Labels     []Pair   `json:"labels,omitempty"`
	Contexts   []Pair   `json:"additional_contexts,omitempty"` // by name: a folder, an address, or service:NAME
	Tags       []string `json:"tags,omitempty"`                // normalised references, beside the service's image
	Platforms  []string `json:"platforms,omitempty"`
	CacheFrom  []string `json:"cache_from,omitempty"`
	CacheTo    []string `json:"cache_to,omitempty"`
	SSH        []Pair   `json:"ssh,omitempty"` // by ID: a key or socket; empty for the agent

	Secrets       []BuildSecret `json:"secrets,omitempty"`
	Network       string        `json:"network,omitempty"`  // none or host; empty for the builder's
	ShmSize       int64         `json:"shm_size,omitempty"` // bytes
	Ulimits       []Ulimit      `json:"ulimits,omitempty"`
	ExtraHosts    []Host        `json:"extra_hosts,omitempty"`
	Entitlements  []string      `json:"entitlements,omitempty"`
	NoCache       bool          `json:"no_cache,omitempty"`
	NoCacheFilter []string      `json:"no_cache_filter,omitempty"` // stages
	Pull          bool          `json:"pull,omitempty"`            // ask registries for base images that are here
	Provenance    string        `json:"provenance,omitempty"`
	SBOM          string        `json:"sbom,omitempty"`

	// Asked says that the image is built only when asked for: the service's
	// pull_policy has it come from a registry.
	Asked bool `json:"asked,omitempty"`
}

// BuildSecret is a secret that RUN --mount=type=secret may read.
type BuildSecret struct {
	ID     string `json:"id"`
	Path   string `json:"path,omitempty"`        // file of its content
	From   string `json:"environment,omitempty"` // or the variable that has it
	Value  string `json:"-"`                     // its value; gone once the Stack is
	Digest string `json:"digest"`
}

// servicePrefix leads a context that is another service's image.
const servicePrefix = "service:"

// Uses names the services whose images the build starts from, in order.
func (b *Build) Uses() []string {
	var out []string
	for _, c := range b.Contexts {
		if name, ok := cutService(c.Value); ok {
			out = append(out, name)
		}
	}
	return out
}
