package spec

// PullPolicy says when an image is looked for in its registry.
type PullPolicy string

// The pull policies of the Compose Specification that need no build.
const (
	PullMissing PullPolicy = "missing"
	PullAlways  PullPolicy = "always"
	PullNever   PullPolicy = "never"
	PullEvery   PullPolicy = "every" // once the local image is older than that
)

// Pull is when a service's image is pulled; empty for missing.
type Pull struct {
	Policy PullPolicy `json:"policy,omitempty"`
	Every  Duration   `json:"every,omitempty"`
}

// Rollout is how deploy wants a service to be updated: checked, and carried
// with the plan. It changes nothing yet.
type Rollout struct {
	Update   Update `json:"update,omitzero"`
	Rollback Update `json:"rollback,omitzero"`
	Labels   []Pair `json:"labels,omitempty"`
}

// Update is one of deploy.update_config and deploy.rollback_config.
type Update struct {
	Parallelism     uint64   `json:"parallelism,omitempty"` // 0 for all at once
	Delay           Duration `json:"delay,omitempty"`
	FailureAction   string   `json:"failure_action,omitempty"` // pause, continue or rollback
	Monitor         Duration `json:"monitor,omitempty"`
	MaxFailureRatio float32  `json:"max_failure_ratio,omitempty"`
	Order           string   `json:"order,omitempty"` // stop-first or start-first
}
