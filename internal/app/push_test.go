package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

func TestPush(t *testing.T) {
	a, m := newApp(t)
	s := shop("shop")
	s.Service("web").Build = &spec.Build{Tags: []string{"img:2"}}
	s.Service("web").Image = "img:1"
	pushed, failed, err := a.Push(t.Context(), s, PushOptions{KeepGoing: true}) // img:2 is not here
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"img:1"}, {"img:2"}}, [][]string{pushed, failed}); diff != "" {
		t.Errorf("pushed and failed (-want +got):\n%s", diff)
	}
	if _, _, err := a.Push(t.Context(), s, PushOptions{}); err == nil {
		t.Error("an image that cannot be pushed is no error")
	}
	if _, _, err := a.Push(t.Context(), s, PushOptions{Only: []string{"none"}}); err == nil {
		t.Error("an unknown service is no error")
	}
	if got := m.acted("Push"); len(got) != 4 {
		t.Errorf("asked for %v", got)
	}
}

// TestPushLeavesOutWhatIsNotBuilt, which some registry has.
func TestPushLeavesOutWhatIsNotBuilt(t *testing.T) {
	a, m := newApp(t)
	pushed, failed, err := a.Push(t.Context(), shop("shop"), PushOptions{})
	if err != nil || len(pushed)+len(failed)+len(m.acted("Push")) > 0 {
		t.Errorf("%v, %v, %v", pushed, failed, err)
	}
}
