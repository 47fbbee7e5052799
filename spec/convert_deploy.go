package spec

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// deploy converts what deploy says beside replicas and resources.
func (c *converter) deploy(d *types.DeployConfig, out *Service) {
	if d == nil {
		return
	}
	out.Rollout = Rollout{
		Labels: sortedPairs(d.Labels),
		Update: c.update("update_config", d.UpdateConfig), Rollback: c.update("rollback_config", d.RollbackConfig),
	}
	if p := d.RestartPolicy; p != nil {
		out.Restart = c.restartPolicy(p, out.Restart)
	}
	c.mode(d, out)
	for i, text := range d.Placement.Constraints {
		c.constraint(fmt.Sprintf("deploy.placement.constraints[%d]", i), text)
	}
	if most := d.Placement.MaxReplicas; most > 0 && uint64(max(0, out.Replicas)) > most {
		c.problem("deploy.placement.max_replicas_per_node", "%d replicas, and there is one node", out.Replicas)
	}
}

func (c *converter) update(attr string, u *types.UpdateConfig) Update {
	if u == nil {
		return Update{}
	}
	out := Update{
		Delay: Duration(u.Delay), FailureAction: u.FailureAction, Monitor: Duration(u.Monitor),
		MaxFailureRatio: u.MaxFailureRatio, Order: u.Order,
	}
	if u.Parallelism != nil {
		out.Parallelism = *u.Parallelism
	}
	if !slices.Contains([]string{"", "pause", "continue", "rollback"}, u.FailureAction) {
		c.problem("deploy."+attr+".failure_action", "%q is not pause, continue or rollback", printable(u.FailureAction))
	}
	if !slices.Contains([]string{"", "stop-first", "start-first"}, u.Order) {
		c.problem("deploy."+attr+".order", "%q is neither stop-first nor start-first", printable(u.Order))
	}
	return out
}

// restartPolicy takes the place of restart, which may say the same in fewer
// words (Compose Specification, "deploy", restart_policy).
func (c *converter) restartPolicy(p *types.RestartPolicy, plain Restart) Restart {
	if plain != (Restart{Policy: RestartNo}) {
		c.problem("restart", "deploy.restart_policy says it too; remove one")
	}
	policies := map[string]RestartPolicy{
		"": RestartAlways, "any": RestartAlways, "on-failure": RestartOnFailure, "none": RestartNo,
		"always": RestartAlways, "no": RestartNo, "unless-stopped": RestartUnlessStopped,
	}
	policy, ok := policies[p.Condition]
	if !ok {
		c.problem("deploy.restart_policy.condition", "%q is not none, on-failure or any", printable(p.Condition))
	}
	r := Restart{Policy: policy}
	if p.MaxAttempts != nil {
		r.MaxRetries = int(min(*p.MaxAttempts, 1<<30)) //nolint:gosec // bounded
	}
	if p.Delay != nil {
		r.Delay = c.notNegative("deploy.restart_policy.delay", Duration(*p.Delay))
	}
	if p.Window != nil {
		r.Window = c.notNegative("deploy.restart_policy.window", Duration(*p.Window))
	}
	return r
}

// constraint accepts what holds of this machine, the one node there is.
func (c *converter) constraint(attr, text string) {
	name, value, equal := strings.Cut(text, "==")
	if !equal {
		var differs bool
		if name, value, differs = strings.Cut(text, "!="); !differs {
			c.problem(attr, "%q is neither NAME==VALUE nor NAME!=VALUE", printable(text))
			return
		}
	}
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	host, _ := os.Hostname() // empty is no host's name
	here, known := map[string]string{
		"node.role": "manager", "node.hostname": host, "node.platform.os": "linux", "node.platform.arch": machine(),
	}[name]
	switch {
	case !known:
		c.problem(attr, "nothing is known of %s: there is one node, this machine", printable(name))
	case (here == value) != equal:
		c.problem(attr, "%s does not hold: it is %q here", printable(text), here)
	}
}

// machine is the architecture as docker spells it.
func machine() string {
	return cmp.Or(map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH], runtime.GOARCH)
}

// platform accepts what this machine runs.
func (c *converter) platform(text string) {
	system, arch, _ := strings.Cut(strings.ToLower(text), "/")
	arch, _, _ = strings.Cut(arch, "/") // the variant
	if text != "" && (system != "linux" || arch != "" && arch != runtime.GOARCH && arch != machine()) {
		c.problem("platform", "%q cannot run here: this machine is linux/%s", printable(text), runtime.GOARCH)
	}
}

func (c *converter) pull(cfg types.ServiceConfig) Pull {
	policy, every, err := cfg.GetPullPolicy()
	if cfg.PullRefreshAfter != "" && cfg.PullPolicy != types.PullPolicyRefresh {
		c.problem("pull_refresh_after", "it goes with pull_policy: refresh")
	}
	switch {
	case err != nil:
	case policy == types.PullPolicyMissing || policy == types.PullPolicyIfNotPresent, policy == types.PullPolicyBuild && cfg.Build != nil:
		return Pull{}
	case policy == types.PullPolicyAlways || policy == types.PullPolicyNever:
		return Pull{Policy: PullPolicy(policy)}
	case cfg.PullPolicy == types.PullPolicyRefresh:
		return c.refresh(cfg)
	case policy == types.PullPolicyRefresh:
		return Pull{PullEvery, Duration(every)}
	}
	c.problem("pull_policy", "%q is not always, never, missing, build (with build), refresh, daily, weekly or every_ with a duration", printable(cfg.PullPolicy))
	return Pull{}
}

// refresh reads pull_refresh_after as the duration of every_ is read.
func (c *converter) refresh(cfg types.ServiceConfig) Pull {
	if cfg.PullRefreshAfter == "" {
		c.problem("pull_policy", "refresh wants to know after how long: say pull_refresh_after")
		return Pull{}
	}
	as := types.ServiceConfig{}
	as.PullPolicy = "every_" + cfg.PullRefreshAfter
	_, every, err := as.GetPullPolicy()
	if err != nil || every <= 0 {
		c.problem("pull_refresh_after", "%q is not a duration such as 12h or 1w", printable(cfg.PullRefreshAfter))
	}
	return Pull{PullEvery, Duration(every)}
}

// labelFiles gives the labels of files, under those of the service itself. What
// looks like a variable there is a label that stands before.
func (c *converter) labelFiles(cfg types.ServiceConfig) types.Labels {
	if len(cfg.LabelFiles) == 0 {
		return cfg.Labels
	}
	out := map[string]string{}
	for i, f := range cfg.LabelFiles {
		path := absFrom(c.dir, f)
		data, err := c.guard.content(path, false)
		if err == nil {
			err = dotenvInto(out, data, func(name string) (string, bool) { v, ok := out[name]; return v, ok })
		}
		if err != nil {
			c.problem(fmt.Sprintf("label_file[%d]", i), "%s: %v", c.rep.show(path), err)
		}
	}
	for name, value := range cfg.Labels {
		out[name] = value
	}
	return out
}
