package ui

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func container(name string, index int) planner.Ref {
	return planner.Ref{Kind: planner.KindContainer, Name: name, Index: index}
}

func step(id planner.StepID, ref planner.Ref, object string, r planner.Reason) planner.Step {
	op, _, _ := strings.Cut(string(id), "/")
	return planner.Step{ID: id, Op: planner.Op(op), Ref: ref, Object: object, Reason: r}
}

func changedFields() planner.Reason {
	return planner.Reason{Code: planner.ConfigChanged, Fields: []spec.Change{
		{Field: "environment.LOG_LEVEL", Old: "info", New: "debug"},
		{Field: "environment.DB_PASSWORD", Old: "hunter2", New: "hunter3", Secret: true},
		{Field: "environment.API_TOKEN", New: "tok-123", Secret: true},
		{Field: "working_dir", Old: "/srv"},
	}}
}

// replacePlan has two replicas replaced side by side, so that their steps
// interleave.
func replacePlan() *planner.Plan {
	img := planner.Ref{Kind: planner.KindImage, Name: "docker.io/library/nginx:latest"}
	net := planner.Ref{Kind: planner.KindNetwork, Name: "default"}
	missing := planner.Reason{Code: planner.Missing}
	old := planner.Reason{Code: planner.Replaced}
	p := &planner.Plan{Stack: "demo", Steps: []planner.Step{
		step("pull/nginx", img, img.Name, missing),
		step("create/network/default", net, "demo_default", missing),
	}}
	for n, ref := range []planner.Ref{container("web", 1), container("web", 2)} {
		id := planner.ContainerID("demo", "web", n+1, 2)
		p.Steps = append(p.Steps, step(planner.StepID("create/"+ref.String()), ref, id, changedFields()))
	}
	for n, ref := range []planner.Ref{container("web", 1), container("web", 2)} {
		was, is := planner.ContainerID("demo", "web", n+1, 1), planner.ContainerID("demo", "web", n+1, 2)
		stop := step(planner.StepID("stop/"+was), ref, was, old)
		stop.Grace = 10 * time.Second
		start := step(planner.StepID("start/"+ref.String()), ref, is, changedFields())
		wait := step(planner.StepID("wait/"+ref.String()), ref, is, changedFields())
		wait.Until = spec.Healthy
		back := step(planner.StepID("start/"+was), ref, was, old)
		back.Rescue = []planner.StepID{start.ID, wait.ID}
		p.Steps = append(p.Steps, stop, start, wait, back, step(planner.StepID("remove/"+was), ref, was, old))
	}
	p.Steps = append(p.Steps, step("create/api.1", container("api", 1), "demo-api-1-g1", missing),
		step("start/api.1", container("api", 1), "demo-api-1-g1", missing))
	p.Keep = []planner.Kept{{Ref: container("db", 1), Object: "demo-db-1-g1"}}
	p.Notices = []string{"image docker.io/library/postgres:16: its registry is out of reach, the copy on this machine is used"}
	return p
}

func downPlan() *planner.Plan {
	down := planner.Reason{Code: planner.Down}
	stop := step("stop/demo-web-1-g1", container("web", 1), "demo-web-1-g1", down)
	stop.Grace = 2 * time.Minute
	vol := step("remove/volume/data", planner.Ref{Kind: planner.KindVolume, Name: "data"}, "demo_data", down)
	vol.Danger = true
	return &planner.Plan{Stack: "demo", Steps: []planner.Step{
		stop,
		step("remove/demo-web-1-g1", container("web", 1), "demo-web-1-g1", down),
		step("remove/network/default", planner.Ref{Kind: planner.KindNetwork, Name: "default"}, "demo_default", down),
		vol,
	}}
}

// oddPlan holds every other code, long names, and one step per thing.
func oddPlan() *planner.Plan {
	long := "registry.example.com:5000/team/" + strings.Repeat("deep/", 12) + "app:1"
	wait := step("wait/db.1", container("db", 1), "demo-db-1-g1", planner.Reason{Code: planner.DependencyOf, Detail: "api"})
	wait.Until = spec.Completed
	p := &planner.Plan{Stack: "demo", Steps: []planner.Step{
		step("pull/long", planner.Ref{Kind: planner.KindImage, Name: long}, long, planner.Reason{Code: planner.Missing}),
		step("update/cache.1", container("cache", 1), "demo-cache-1-g1", planner.Reason{
			Code:   planner.ConfigChanged,
			Fields: []spec.Change{{Field: "restart.policy", Old: "no", New: "always"}},
		}),
		step("start/queue.1", container("queue", 1), "demo-queue-1-g1", planner.Reason{Code: planner.NotRunning, Detail: "exited with code 137"}),
		wait,
		step("stop/old.1", container("old", 1), "demo-old-1-g1", planner.Reason{Code: planner.Orphan}),
		step("remove/web.3", container("web", 3), "demo-web-3-g1", planner.Reason{Code: planner.ScaledDown}),
		step("remove/left.1", container("left", 1), "demo-left-1-g4", planner.Reason{Code: planner.Leftover}),
		step("stop/r.1", container("r", 1), "demo-r-1-g1", planner.Reason{Code: planner.Forced}),
		step("start/r.1", container("r", 1), "demo-r-1-g1", planner.Reason{Code: planner.Forced}),
	}}
	for n := 1; n <= 12; n++ {
		p.Keep = append(p.Keep, planner.Kept{Ref: container("worker", n)})
	}
	p.Keep = append(p.Keep, planner.Kept{Ref: planner.Ref{Kind: planner.KindNetwork, Name: "front"}, Object: "demo_front"})
	return p
}

func emptyPlan() *planner.Plan {
	return &planner.Plan{Stack: "demo", Keep: []planner.Kept{
		{Ref: container("db", 1)},
		{Ref: container("web", 1)},
		{Ref: container("web", 2)},
		{Ref: planner.Ref{Kind: planner.KindNetwork, Name: "default"}, Object: "demo_default"},
	}}
}

func planText(t *testing.T, p *planner.Plan, o PlanOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Plan(&b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPlanText(t *testing.T) {
	for name, c := range map[string]struct {
		plan *planner.Plan
		opt  PlanOptions
	}{
		"replace":        {replacePlan(), PlanOptions{}},
		"replace-values": {replacePlan(), PlanOptions{ShowValues: true}},
		"replace-color":  {replacePlan(), PlanOptions{Color: true}},
		"replace-40":     {replacePlan(), PlanOptions{Width: 40}},
		"down":           {downPlan(), PlanOptions{}},
		"odd":            {oddPlan(), PlanOptions{}},
		"odd-120":        {oddPlan(), PlanOptions{Width: 120}},
		"empty":          {emptyPlan(), PlanOptions{}},
		"empty-first":    {&planner.Plan{Stack: "demo", Notices: []string{"no service is enabled"}}, PlanOptions{}},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, "plan-"+name+".txt", planText(t, c.plan, c.opt))
		})
	}
}

func TestPlanShowsEveryStepInOrder(t *testing.T) {
	for name, p := range map[string]*planner.Plan{"replace": replacePlan(), "down": downPlan(), "odd": oddPlan()} {
		t.Run(name, func(t *testing.T) {
			text := planText(t, p, PlanOptions{Width: 200})
			n := 0
			for _, s := range p.Steps {
				if len(s.Rescue) > 0 {
					if !strings.Contains(text, string(s.Op)+" "+s.Object+", "+reasonText(s)) {
						t.Errorf("rescue step %s is not shown", s.ID)
					}
					continue
				}
				n++
				if !hasStepLine(text, n, s) {
					t.Errorf("step %d (%s) is not shown with its number and reason in:\n%s", n, s.ID, text)
				}
			}
		})
	}
}

func hasStepLine(text string, n int, s planner.Step) bool {
	lines := strings.Split(text, "\n")
	for i, l := range lines[:len(lines)-1] {
		f := strings.Fields(l)
		if len(f) < 3 || f[0] != strconv.Itoa(n) || !strings.Contains(l, word(s.Op)) {
			continue
		}
		// The reason of a long object stands on the next line.
		return strings.Contains(l+lines[i+1], reasonText(s))
	}
	return false
}

func TestPlanFitsEightyColumns(t *testing.T) {
	for name, p := range map[string]*planner.Plan{"replace": replacePlan(), "down": downPlan(), "empty": emptyPlan()} {
		t.Run(name, func(t *testing.T) {
			for l := range strings.Lines(planText(t, p, PlanOptions{})) {
				if n := columns(strings.TrimRight(l, "\n")); n > 80 {
					t.Errorf("%d columns: %q", n, l)
				}
			}
		})
	}
}

func TestPlanHidesSecrets(t *testing.T) {
	p := replacePlan()
	var doc bytes.Buffer
	if err := PlanJSON(&doc, p, false); err != nil {
		t.Fatal(err)
	}
	for form, text := range map[string]string{"text": planText(t, p, PlanOptions{}), "json": doc.String()} {
		for _, secret := range []string{"hunter2", "hunter3", "tok-123"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s form shows %s", form, secret)
			}
		}
	}
	if got := p.Steps[2].Reason.Fields[1].Old; got != "hunter2" {
		t.Errorf("masking changed the plan itself: %q", got)
	}
}

func TestPlanJSON(t *testing.T) {
	for name, c := range map[string]struct {
		plan *planner.Plan
		show bool
	}{
		"replace": {replacePlan(), false},
		"values":  {replacePlan(), true},
		"empty":   {&planner.Plan{Stack: "demo"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := PlanJSON(&b, c.plan, c.show); err != nil {
				t.Fatal(err)
			}
			if !json.Valid(b.Bytes()) {
				t.Error("not JSON")
			}
			golden(t, "planjson-"+name+".json", b.String())
		})
	}
}

func TestPlanCutsLongValues(t *testing.T) {
	long := strings.Repeat("x", valueLimit+5)
	p := &planner.Plan{Stack: "demo", Steps: []planner.Step{step("update/a.1", container("a", 1), "a", planner.Reason{
		Code: planner.ConfigChanged, Fields: []spec.Change{{Field: "labels.big", New: long}},
	})}}
	if got := planText(t, p, PlanOptions{}); strings.Contains(got, long) || !strings.Contains(got, "(5 more)") {
		t.Errorf("long value is not cut: %q", got)
	}
	if got := planText(t, p, PlanOptions{ShowValues: true}); !strings.Contains(got, long) {
		t.Errorf("long value is cut although all values were asked for: %q", got)
	}
}
