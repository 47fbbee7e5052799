package report

import "fmt"

// Names of the tools that have targets.
const (
	Ours    = "stackup"
	docker  = "docker"
	nerdctl = "nerdctl"
)

// atLeast is how many times as long as ours a peer's median must be.
var atLeast = map[ID]map[string]float64{
	{Up, 1}:       {docker: 2.5, nerdctl: 3.5},
	{Up, 10}:      {docker: 3, nerdctl: 6},
	{Up, 50}:      {docker: 3.5, nerdctl: 8},
	{Same, 50}:    {docker: 4, nerdctl: 50},
	{Changed, 50}: {docker: 2.5, nerdctl: 15},
	{Down, 10}:    {docker: 2.5, nerdctl: 10},
	{Down, 50}:    {docker: 2.5, nerdctl: 10},
	{Ps, 50}:      {docker: 3, nerdctl: 5},
	{Nginx, 1}:    {docker: 1.8, nerdctl: 3},
	{Memory, 10}:  {docker: 1.8, nerdctl: 1.8},
}

// atMost is how many times the floor ours may be.
var atMost = map[ID]float64{{Up, 1}: 1.5, {Up, 50}: 1.25, {Down, 50}: 1.25}

// limit is a bound on ours alone.
type limit struct {
	name, format string
	value, most  float64
}

// limits are those that this run can tell of.
func (r *Result) limits() (all []limit) {
	if big, small := r.median(ID{Up, 200}, Ours), r.median(ID{Up, 50}, Ours); big > 0 && small > 0 {
		all = append(all, limit{"up of 200 over up of 50", "%.2f times", big / small, 4.4})
	}
	if v := r.median(ID{Same, 200}, Ours); v > 0 {
		all = append(all, limit{"up with no change, 200", "%.3f s", v, 0.15})
	}
	if v := r.median(ID{Plan, 1000}, Ours); v > 0 {
		all = append(all, limit{"plan, 1000", "%.3f s", v, 0.3})
	}
	return all
}

func (l limit) String() string {
	text := fmt.Sprintf("%s: "+l.format+" (at most "+l.format+")", l.name, l.value, l.most)
	if l.value > l.most {
		text += " **missed**"
	}
	return text
}
