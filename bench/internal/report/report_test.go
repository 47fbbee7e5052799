package report

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedianIsOfTheMiddle(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		want   float64
	}{
		"odd":  {[]float64{3, 1, 2}, 2},
		"even": {[]float64{4, 1, 3, 2}, 2.5},
		"none": {nil, 0},
	} {
		s := Series{Values: c.values}
		if s.finish(); s.Median != c.want {
			t.Errorf("%s: median %v, want %v", name, s.Median, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	r := Result{
		Machine:  Machine{CPU: "Abacus", Cores: 2, Memory: 8e9, Kernel: "6.1", System: "Debian", Cgroups: 2, Load: "0 0 0"},
		Rounds:   2,
		Remark:   "few",
		Tools:    []string{Ours, docker, nerdctl, "floor-one"},
		Versions: map[string]string{Ours: "1", docker: "2", "floor-one": "3"},
		Failed:   map[string]string{nerdctl: "not in PATH"},
	}
	for _, v := range []float64{2, 4} {
		r.Add(ID{Up, 50}, Ours, v)
		r.Add(ID{Up, 50}, docker, 4*v)
		r.Add(ID{Up, 50}, "floor-one", v/2)
		r.Add(ID{Up, 200}, Ours, 5*v)
		r.Add(ID{Memory, 10}, Ours, 50e6)
	}
	r.Add(ID{Memory, 10}, docker, 60e6)
	r.Miss(ID{Up, 1}, docker, errors.New("up: exit status 1"))
	r.Finish()
	var b strings.Builder
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	want := `2 × Abacus, 8 GB, kernel 6.1, Debian, control groups v2; load before: 0 0 0

- stackup: 1
- docker: 2
- nerdctl: not there
- floor-one: 3

Medians of 2 rounds (few): seconds, or MB for memory;
in brackets how many times ours, and the target.

| case | stackup | docker | nerdctl | floor-one |
|---|---|---|---|---|
| up, 1 |  | missing |  |  |
| up, 50 | 3.00 | 12.00 (4.00× of 3.5) |  | 1.50 (ours 2.00× of at most 1.25 **missed**) |
| up, 200 | 15.00 |  |  |  |
| idle memory, 10 | 50 | 60 (1.20× of 1.8 **missed**) |  |  |

- up of 200 over up of 50: 5.00 times (at most 4.40 times) **missed**

Missing: docker, up, 1 (after 0 rounds): up: exit status 1

Missing: nerdctl: not in PATH
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestEveryTargetIsOfACaseThatIsMeasured(t *testing.T) {
	for id := range atLeast {
		if strings.Contains(id.String(), "%!") || id.String() == "" {
			t.Errorf("%v has no name", id)
		}
	}
}
