package spec

func buildRows() []support {
	const b = "services.*.build."
	return []support{
		yes("services.*.build", "by BuildKit; due when an input has changed"),
		yes(b+"context", "folder, git or http address"),
		yes(b+"dockerfile", ""),
		yes(b+"dockerfile_inline", ""),
		yes(b+"target", ""),
		yes(b+"args", "a name without value takes the caller's, or the Dockerfile's"),
		yes(b+"labels", ""),
		yes(b+"additional_contexts", "also service:NAME"),
		yes(b+"tags", ""),
		yes(b+"platforms", "beside this machine's, those that it can run"),
		yes(b+"cache_from", ""),
		yes(b+"cache_to", ""),
		yes(b+"ssh", ""),
		yes(b+"secrets", "file or environment"),
		yes(b+"network", "none, or this machine's"),
		yes(b+"shm_size", ""),
		yes(b+"ulimits", ""),
		yes(b+"extra_hosts", ""),
		yes(b+"entitlements", ""),
		yes(b+"privileged", "as entitlement security.insecure"),
		yes(b+"no_cache", ""),
		yes(b+"no_cache_filter", ""),
		yes(b+"pull", ""),
		yes(b+"provenance", ""),
		yes(b+"sbom", ""),
		never(b+"isolation", "it is for Windows; remove it", "default"),
	}
}
