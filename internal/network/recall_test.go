package network

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"

	"stackup.dev/stackup/internal/statedir"
)

// rebooted gives a host whose records of endpoints are gone, and which has labels.
func (w *world) rebooted(labels ...Endpoint) (h *Host, asked *int) {
	w.t.Helper()
	if err := os.RemoveAll(w.Dirs.State); err != nil {
		w.t.Fatal(err)
	}
	asked = new(int)
	w.Labelled = func(context.Context) ([]Endpoint, error) { *asked++; return labels, nil }
	w.t.Cleanup(func() { w.Labelled = nil })
	return w.Host, asked
}

// Intent: after a start of the machine nobody gets the address or the port of a container
// that does not run; labels are read once.
func TestAddressesAfterReboot(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	old := w.claim(replica(1), tcp(0, 80))
	h, asked := w.rebooted(old)
	fresh := w.claim(replica(2), tcp(0, 80))
	if addrOf(fresh) == addrOf(old) || fresh.Ports[0].HostPort == old.Ports[0].HostPort {
		t.Errorf("a new container got %s and port %d of one that does not run", addrOf(fresh), fresh.Ports[0].HostPort)
	}
	w.claim(replica(3))
	if *asked != 1 {
		t.Errorf("labels were read %d times", *asked)
	}
	got, err := h.Restore(t.Context(), old)
	if err != nil || addrOf(got) != addrOf(old) {
		t.Errorf("it is back at %v, %v", got.Attachments, err)
	}
	if err := h.RemoveNetwork(t.Context(), "shop_default"); err == nil {
		t.Error("a network was removed that containers have")
	}
}

// TestNetworkOfStoppedContainersStays: after a start of the machine too.
func TestNetworkOfStoppedContainersStays(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	old := w.claim(replica(1))
	h, _ := w.rebooted(old)
	if err := h.RemoveNetwork(t.Context(), "shop_default"); err == nil || !strings.Contains(err.Error(), "still used by service web") {
		t.Errorf("removed: %v", err)
	}
}

// TestNoMarkIsLeft: when the last endpoint goes, so does what says that all are known.
func TestNoMarkIsLeft(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	h, _ := w.rebooted()
	e := w.claim(replica(1))
	if !exists(h.marker()) {
		t.Error("labels will be read again")
	}
	if err := h.Release(t.Context(), e.ID); err != nil || exists(h.marker()) {
		t.Errorf("released: %v; the mark is there: %t", err, exists(h.marker()))
	}
}

// TestTwoWithOneAddress: damage of earlier versions. The first one keeps it.
func TestTwoWithOneAddress(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	first := w.claim(replica(1))
	second := first
	second.ID, second.Index = "web-2", 2
	h, _ := w.rebooted(first, second)
	if _, err := h.Restore(t.Context(), first); err != nil {
		t.Error(err)
	}
	lost := new(AddressLostError)
	if _, err := h.Restore(t.Context(), second); !errors.As(err, &lost) || lost.Chosen {
		t.Errorf("the second one: %v", err)
	}
	again, err := h.Claim(t.Context(), second, nil)
	if err != nil || addrOf(again) == addrOf(first) {
		t.Errorf("claimed anew: %v, %v", again.Attachments, err)
	}
}

func TestObstacle(t *testing.T) {
	at := func(id string, index int, address string, chosen bool) Endpoint {
		e := Endpoint{ID: id, Stack: "shop", Service: "web", Index: index}
		a := Attachment{Network: "n", Address: netip.MustParsePrefix(address)}
		if chosen {
			a.Wanted = a.Address.Addr()
		}
		e.Attachments = []Attachment{a}
		return e
	}
	networks := []Network{{Name: "n", Subnet: netip.MustParsePrefix("10.0.0.0/24")}}
	for name, tt := range map[string]struct {
		e, other Endpoint
		want     string
	}{
		"free":                           {at("a", 1, "10.0.0.2/24", false), at("b", 2, "10.0.0.3/24", false), ""},
		"its own record":                 {at("a", 1, "10.0.0.2/24", false), at("a", 1, "10.0.0.2/24", false), ""},
		"another's":                      {at("a", 1, "10.0.0.2/24", false), at("b", 2, "10.0.0.2/24", false), "address 10.0.0.2 of network n is in use by service web of stack shop (container b)"},
		"another's, chosen":              {at("a", 1, "10.0.0.2/24", true), at("b", 2, "10.0.0.2/24", true), "is in use by"},
		"the predecessor's, chosen":      {at("a", 1, "10.0.0.2/24", true), at("b", 1, "10.0.0.2/24", true), ""},
		"the predecessor's, by chance":   {at("a", 1, "10.0.0.2/24", false), at("b", 1, "10.0.0.2/24", false), "is in use by"},
		"of a subnet that was made anew": {at("a", 1, "10.9.0.2/24", false), at("b", 2, "10.0.0.2/24", false), "is not in its subnet"},
	} {
		lost := tt.e.obstacle(networks, []Endpoint{tt.other})
		if (lost == nil) != (tt.want == "") || lost != nil && (!strings.Contains(lost.Error(), tt.want) || lost.Chosen != tt.e.Attachments[0].Wanted.IsValid()) {
			t.Errorf("%s: %v, want %q", name, lost, tt.want)
		}
	}
}

// TestRecallFails: nothing is claimed as long as labels cannot be read.
func TestRecallFails(t *testing.T) {
	away := errors.New("the engine is away")
	h := New(statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}, "", slog.New(slog.DiscardHandler))
	h.Labelled = func(context.Context) ([]Endpoint, error) { return nil, away }
	if _, err := h.Claim(t.Context(), replica(1), nil); !errors.Is(err, away) {
		t.Errorf("claimed: %v", err)
	}
}
