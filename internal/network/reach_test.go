package network

import (
	"net"
	"testing"
	"time"
)

// TestReach is the map of who reaches whom, and as whom.
func TestReach(t *testing.T) {
	w := newWorld(t)
	outside := neighbor(t)
	serve(t, outside, "outside", 7000)
	serve(t, outside, "outside", 8080) // the number of a published port, elsewhere
	shop, other := w.network("shop"), w.network("other")
	web := w.claim(endpointOf("web1", "web", "shop"), tcp(8080, 80), udp(8080, 80), at("127.0.0.1", tcp(8081, 80)), at(hostAddr, tcp(8082, 80)))
	db := w.claim(endpointOf("db1", "db", "shop"))
	alien := w.claim(endpointOf("alien1", "alien", "other"))
	for _, e := range []Endpoint{web, db, alien} {
		w.attach(e.ID)
		serve(t, w.NetnsPath(e.ID), e.Service, 80)
	}
	in := func(e Endpoint) string { return w.NetnsPath(e.ID) }
	const refused = ""
	tests := []struct {
		name, from, protocol, to string
		want, seen               string // seen empty: not compared
	}{
		{"localhost to port", "", "tcp", "127.0.0.1:8080", "web", shop.Gateway.String()},
		{"localhost to udp port", "", "udp", "127.0.0.1:8080", "web", shop.Gateway.String()},
		{"host address to port", "", "tcp", hostport(hostAddr, 8080), "web", ""},
		{"host address to udp port", "", "udp", hostport(hostAddr, 8080), "web", ""},
		{"gateway address to port", "", "tcp", hostport(shop.Gateway.String(), 8080), "web", ""},
		{"host to container", "", "tcp", hostport(addrOf(web), 80), "web", ""},
		{"host to unpublished container", "", "tcp", hostport(addrOf(db), 80), "db", ""},
		{"neighbour to port, its address kept", outside, "tcp", hostport(hostAddr, 8080), "web", neighborAddr},
		{"neighbour to udp port, its address kept", outside, "udp", hostport(hostAddr, 8080), "web", neighborAddr},
		{"neighbour to container", outside, "tcp", hostport(addrOf(web), 80), refused, ""},
		{"neighbour to unpublished container", outside, "udp", hostport(addrOf(db), 80), refused, ""},
		{"container to its peer, its address kept", in(db), "tcp", hostport(addrOf(web), 80), "web", addrOf(db)},
		{"container to its peer by the host's port", in(db), "tcp", hostport(hostAddr, 8080), "web", shop.Gateway.String()},
		{"container to its peer by the gateway's port", in(db), "udp", hostport(shop.Gateway.String(), 8080), "web", shop.Gateway.String()},
		{"container to itself by the host's port", in(web), "tcp", hostport(hostAddr, 8080), "web", shop.Gateway.String()},
		{"container to another network", in(alien), "tcp", hostport(addrOf(web), 80), refused, ""},
		{"container to another network, udp", in(alien), "udp", hostport(addrOf(db), 80), refused, ""},
		{"container to another network by the host's port", in(alien), "tcp", hostport(hostAddr, 8080), "web", shop.Gateway.String()},
		{"container out to the neighbour, as the host", in(web), "tcp", hostport(neighborAddr, 7000), "outside", hostAddr},
		{"container out to the neighbour, udp", in(alien), "udp", hostport(neighborAddr, 7000), "outside", hostAddr},
		{"container out to a port of the same number", in(db), "tcp", hostport(neighborAddr, 8080), "outside", hostAddr},
		{"host out to a port of the same number", "", "tcp", hostport(neighborAddr, 8080), "outside", hostAddr},
		{"port on 127.0.0.1 from localhost", "", "tcp", "127.0.0.1:8081", "web", ""},
		{"port on 127.0.0.1 by the host's address", "", "tcp", hostport(hostAddr, 8081), refused, ""},
		{"port on 127.0.0.1 from the neighbour", outside, "tcp", hostport(hostAddr, 8081), refused, ""},
		{"port on 127.0.0.1 from a container", in(db), "tcp", hostport(other.Gateway.String(), 8081), refused, ""},
		{"port on one address from the neighbour", outside, "tcp", hostport(hostAddr, 8082), "web", ""},
		{"port on one address by localhost", "", "tcp", "127.0.0.1:8082", refused, ""},
		{"port that is not published", outside, "tcp", hostport(hostAddr, 80), refused, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, seen, err := ask(t, limitFor(tt.want), tt.from, tt.protocol, tt.to)
			if got != tt.want {
				t.Errorf("answer %q (%v), want %q", got, err, tt.want)
			}
			if tt.seen != "" && seen != tt.seen {
				t.Errorf("server saw %s, want %s", seen, tt.seen)
			}
		})
	}
}

// TestLoopbackStaysHome: bridges have route_localnet, which must open the
// host's 127.0.0.1 to nobody, even to one who forges its routes. What counts is
// that nothing arrives: the forger would not get an answer anyway.
func TestLoopbackStaysHome(t *testing.T) {
	w := newWorld(t)
	outside := neighbor(t)
	n := w.network("shop")
	web := w.claim(endpointOf("web1", "web", "shop"), at("127.0.0.1", udp(8081, 80)))
	evil := w.claim(endpointOf("evil1", "evil", "shop"))
	w.attach(web.ID)
	w.attach(evil.ID)
	inWeb := listenUDP(t, w.NetnsPath(web.ID), 80)
	onHost := listenUDP(t, "", 9090)
	sendLoopbackOut(t, w.NetnsPath(evil.ID), "eth0", n.Gateway.String())
	sendLoopbackOut(t, outside, "wire", hostAddr)
	for name, from := range map[string]string{"container": w.NetnsPath(evil.ID), "neighbour": outside} {
		for to, l := range map[string]net.PacketConn{"127.0.0.1:8081": inWeb, "127.0.0.1:9090": onHost} {
			sendUDP(t, from, to)
			if got := received(l, silence); got {
				t.Errorf("%s reached %s", name, to)
			}
		}
	}
	for to, l := range map[string]net.PacketConn{"127.0.0.1:8081": inWeb, "127.0.0.1:9090": onHost} {
		sendUDP(t, "", to)
		if !received(l, answer) {
			t.Errorf("the host itself does not reach %s", to)
		}
	}
}

func listenUDP(t *testing.T, path string, port int) (l net.PacketConn) {
	t.Helper()
	within(t, path, func() {
		var err error
		if l, err = net.ListenPacket("udp4", hostport("0.0.0.0", uint16(port))); err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = l.Close() })
	})
	return l
}

func sendUDP(t *testing.T, path, to string) {
	t.Helper()
	within(t, path, func() {
		c, err := net.Dial("udp4", to)
		if err == nil {
			_, err = c.Write([]byte("!"))
			_ = c.Close()
		}
		if err != nil {
			t.Errorf("send to %s: %v", to, err)
		}
	})
}

func received(l net.PacketConn, limit time.Duration) bool {
	_ = l.SetReadDeadline(time.Now().Add(limit))
	_, _, err := l.ReadFrom(make([]byte, 8))
	return err == nil
}

// TestPortSwitch: a new incarnation takes the port over in the moment it is
// attached, also from a UDP client that keeps its socket, and gives it back.
func TestPortSwitch(t *testing.T) {
	w := newWorld(t)
	w.network("shop")
	ports := []Published{tcp(8080, 80), udp(8080, 80)}
	for _, id := range []string{"web1", "web2"} {
		w.claim(endpointOf(id, "web", "shop"), ports...)
	}
	c, err := net.Dial("udp4", "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	expect := func(want string) {
		t.Helper()
		if got, _, err := ask(t, limitFor(want), "", "tcp", "127.0.0.1:8080"); got != want {
			t.Errorf("tcp: answer %q (%v), want %q", got, err, want)
		}
		if got, _, err := exchange(c, limitFor(want)); got != want {
			t.Errorf("udp: answer %q (%v), want %q", got, err, want)
		}
	}
	expect("") // the UDP flow to the host itself is known now
	w.attach("web1")
	serve(t, w.NetnsPath("web1"), "one", 80)
	expect("one")
	w.attach("web2")
	serve(t, w.NetnsPath("web2"), "two", 80)
	expect("two")
	w.detach("web2")
	expect("one")
	w.detach("web1")
	expect("")
	if _, err := c.Write([]byte("?")); err != nil {
		_ = c.SetDeadline(time.Now()) // refused, as it should be on a port that leads nowhere
	}
}
