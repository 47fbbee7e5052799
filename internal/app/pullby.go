package app

import (
	"fmt"
	"slices"

	"stackup.dev/stackup/spec"
)

// PullPolicies are the values of --pull.
func PullPolicies() []string { return []string{"always", "missing", "never", "build"} }

// PullBy has the images of all services come as a policy says, whatever the file
// says. Those that are built here come from their builds still, by always and
// missing as the file says.
func PullBy(s *spec.Stack, policy string) error {
	if !slices.Contains(PullPolicies(), policy) {
		return fmt.Errorf("--pull %q: use one of %q", policy, PullPolicies())
	}
	var pull spec.Pull
	if policy == "always" || policy == "never" {
		pull.Policy = spec.PullPolicy(policy)
	}
	for i := range s.Services {
		v := &s.Services[i]
		if v.Build == nil || policy == "never" {
			v.Pull = pull
		}
		for h := range v.PreStart {
			v.PreStart[h].Service.Pull = pull
		}
	}
	if policy == "build" {
		BuildHere(s, nil)
	}
	return nil
}
