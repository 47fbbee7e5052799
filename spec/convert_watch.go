package spec

import (
	"fmt"
	"path"

	"github.com/compose-spec/compose-go/v2/types"
)

func (c *converter) watch(d *types.DevelopConfig) []WatchRule {
	if d == nil {
		return nil
	}
	var rules []WatchRule
	for i, t := range d.Watch {
		r := WatchRule{
			Path: t.Path, Action: string(t.Action), Target: t.Target, Include: some(t.Include), Ignore: some(t.Ignore), InitialSync: t.InitialSync,
		}
		c.watchRule(fmt.Sprintf("develop.watch[%d]", i), &r, t)
		rules = append(rules, r)
	}
	return rules
}

// watchRule refuses what a rule's action would leave unused, or lacks.
func (c *converter) watchRule(attr string, r *WatchRule, t types.Trigger) {
	if r.Syncs() && r.Target == "" {
		c.problem(attr, "%s needs a target", r.Action)
	}
	if r.Target != "" {
		r.Target = path.Join("/", r.Target)
	}
	if r.InitialSync && !r.Syncs() {
		c.problem(attr, "initial_sync is for actions that sync, not for %s", r.Action)
	}
	given := len(t.Exec.Command) > 0 || t.Exec.User != "" || t.Exec.WorkingDir != "" || t.Exec.Privileged || len(t.Exec.Environment) > 0
	switch {
	case r.Action == WatchSyncExec:
		r.Exec = &c.hooks(attr+".exec", []types.ServiceHook{t.Exec})[0]
	case given:
		c.problem(attr, "exec is for sync+exec, not for %s", r.Action)
	}
}
