package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"

	"stackup.dev/stackup/internal/network/ipam"
	"stackup.dev/stackup/internal/network/ports"
)

func replica(i int) Endpoint {
	e := endpointOf(fmt.Sprintf("web-%d", i), "web", "shop")
	e.Index = i
	return e
}

func TestClaimIsIdempotent(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	w.network("other")
	e := endpointOf("web1", "web", "shop", "other")
	first := w.claim(e, tcp(0, 80), tcp(8000, 81))
	again := w.claim(e, tcp(0, 80), tcp(8000, 81))
	if diff := cmp.Diff(first, again, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
	if got := first.Attachments[1]; got.Interface != "eth1" || got.Gateway != got.Address.Masked().Addr().Next() {
		t.Errorf("second attachment %+v", got)
	}
	w.attach("web1")
	if up := w.claim(e, tcp(0, 80), tcp(8000, 81)); !up.Up || up.Attachments[0].Address != first.Attachments[0].Address {
		t.Errorf("claim of what is up gave %+v", up)
	}
}

func TestClaimRefusesTakenPorts(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	w.claim(replica(1), tcp(8080, 80))
	l, err := net.Listen("tcp4", "127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	u, err := net.ListenPacket("udp4", ":8082")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = u.Close() }()
	tests := []struct {
		name string
		wish Published
		want string
	}{
		{"another replica", tcp(8080, 80), "host port 8080/tcp is taken by service web of stack shop"},
		{"another replica, one address", at("127.0.0.1", tcp(8080, 80)), "taken by service web of stack shop"},
		{"process on loopback only", tcp(8081, 80), fmt.Sprintf("taken by network.test (pid %d)", os.Getpid())},
		{"process, udp", udp(8082, 80), fmt.Sprintf("host port 8082/udp is taken by network.test (pid %d)", os.Getpid())},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.Claim(t.Context(), replica(2), []Published{tt.wish})
			var taken *ports.TakenError
			if !errors.As(err, &taken) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if all, _ := w.Endpoints(); len(all) != 1 {
				t.Errorf("%d records, want the first only", len(all))
			}
		})
	}
	successor := replica(1)
	successor.ID = "web-1-next"
	if got := w.claim(successor, tcp(8080, 80)); got.Ports[0].HostPort != 8080 {
		t.Errorf("a successor of the same replica got %+v", got.Ports)
	}
	if got := w.claim(replica(3), Published{HostPort: 8080, HostPortEnd: 8083, Target: 80, Protocol: "tcp"}); got.Ports[0].HostPort != 8082 {
		t.Errorf("range gave %+v, want 8082: udp has its own ports", got.Ports)
	}
}

// TestAttachRefusesPortTakenSince: our rules never take a port away from a
// process that came to it after the claim.
func TestAttachRefusesPortTakenSince(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	w.claim(replica(1), tcp(8080, 80))
	l, err := net.Listen("tcp4", ":8080")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	err = w.Attach(t.Context(), "web-1")
	if err == nil || !strings.Contains(err.Error(), "host port 8080/tcp is taken by network.test") {
		t.Errorf("got %v", err)
	}
}

func TestSubnetFull(t *testing.T) {
	w := newWorld(t)
	n := w.network("shop")
	n.Subnet = netip.PrefixFrom(n.Subnet.Addr(), 29)
	if err := w.writeNetwork(n); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		w.claim(replica(i + 1))
	}
	_, err := w.Claim(t.Context(), replica(6), nil)
	var full *ipam.FullError
	want := "subnet 10.210.0.0/29 of network shop_default is full (5 of 5 addresses used)"
	if !errors.As(err, &full) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	w.release("web-3")
	if got := addrOf(w.claim(replica(6))); got != "10.210.0.4" {
		t.Errorf("got %s, want the freed 10.210.0.4", got)
	}
}

func TestParallelClaimsGetDifferentAddresses(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := w.Claim(t.Context(), replica(i+1), []Published{tcp(0, 80)}); err != nil {
				t.Error(err)
			}
			if err := w.Attach(t.Context(), replica(i+1).ID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, err := w.Endpoints()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range all {
		seen[addrOf(e)], seen[fmt.Sprint(e.Ports[0].HostPort)] = true, true
	}
	if len(seen) != 40 {
		t.Errorf("%d different addresses and ports of 20 endpoints", len(seen))
	}
}

func TestCreateNetwork(t *testing.T) {
	w, v := newWorld(t), newWorld(t)
	defer w.clean() // before the other looks for what is left
	first := w.network("shop")
	if again := w.network("shop"); !reflect.DeepEqual(again, first) {
		t.Errorf("second call gave %+v, first %+v", again, first)
	}
	if other := v.network("shop"); other.Subnet == first.Subnet || other.Bridge == first.Bridge {
		t.Errorf("two worlds share %+v", other)
	}
	if _, err := w.CreateNetwork(t.Context(), "thief", "default", "shop_default", Settings{}); err == nil || !strings.Contains(err.Error(), "belongs to stack shop") {
		t.Errorf("taken over: %v", err)
	}
	for _, bad := range []string{"", "a/b", "..", "a b", "ä"} {
		if _, err := w.CreateNetwork(t.Context(), "shop", "x", bad, Settings{}); err == nil {
			t.Errorf("name %q was accepted", bad)
		}
	}
	l, err := netlink.LinkByName(first.Bridge)
	if err != nil || l.Attrs().Alias != "stackup shop/default" {
		t.Errorf("bridge %+v, %v", l, err)
	}
	w.claim(endpointOf("web1", "web", "shop"))
	if err := w.RemoveNetwork(t.Context(), "shop_default"); err == nil || !strings.Contains(err.Error(), "still used by service web of stack shop") {
		t.Errorf("removed under its endpoint: %v", err)
	}
}

// TestSubnetLock: who may not choose says so when its time is up.
func TestSubnetLock(t *testing.T) {
	w := newWorld(t)
	unlock, err := lockSubnets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.CreateNetwork(ctx, "shop", "default", "shop_default", Settings{}); err == nil {
		t.Error("a subnet was chosen beside another chooser")
	}
	unlock()
	w.network("shop")
}

func TestUnknownVersionIsRefused(t *testing.T) {
	w := newWorld(t)
	n := w.network("shop")
	n.Version = 99
	if err := w.writeNetwork(n); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Networks(); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("got %v", err)
	}
	n.Version = Version
	if err := w.writeNetwork(n); err != nil {
		t.Fatal(err)
	}
}
