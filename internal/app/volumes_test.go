package app

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

func TestRemoveVolumes(t *testing.T) {
	a, m := newApp(t)
	for _, name := range []string{"data", "cache", "mail"} {
		if err := m.CreateVolume(t.Context(), "shop", spec.Volume{Key: name, Name: "shop_" + name}); err != nil {
			t.Fatal(err)
		}
	}
	m.held = map[string][]string{"shop_data": {"shop-db-1", "shop-db-2"}}
	removed, err := a.RemoveVolumes(t.Context(), []string{"shop_cache", "shop_data", "shop_none", "shop_mail", "shop_mail"})
	if diff := cmp.Diff([]string{"shop_cache", "shop_mail"}, removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	want := `volume shop_data is in use by container shop-db-1, shop-db-2
no volume shop_none on this machine
no volume shop_mail on this machine`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	left, err := m.Volumes(t.Context())
	if err != nil || len(left) != 1 || left[0].Name != "shop_data" {
		t.Errorf("left %v, %v", left, err)
	}
	if !free(t, a, "shop") {
		t.Error("the lock is still held")
	}
}

func TestRemoveVolumeFails(t *testing.T) {
	a, m := newApp(t)
	if err := m.CreateVolume(t.Context(), "shop", spec.Volume{Name: "v"}); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no such device")
	m.Fail("RemoveVolume", 1, broken)
	removed, err := a.RemoveVolumes(t.Context(), []string{"v"})
	if len(removed) > 0 || !errors.Is(err, broken) || !strings.Contains(err.Error(), "v") || !free(t, a, "shop") {
		t.Errorf("%v, %v", removed, err)
	}
}
