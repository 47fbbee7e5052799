package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// asker asks one question after the other by a socket in a container's network.
type asker struct {
	conn net.Conn
	id   uint16
	b    []byte
}

func newAsker(pid int) (*asker, error) {
	conf, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/etc/resolv.conf", pid))
	if err != nil {
		return nil, err
	}
	server := ""
	for line := range strings.Lines(string(conf)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "nameserver" && server == "" { // ours is the first
			server = f[1]
		}
	}
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // and the thread ends there: it cannot come back
		conn, err := dialIn(pid, net.JoinHostPort(server, "53"))
		done <- result{conn, err}
	}()
	r := <-done
	return &asker{conn: r.conn, b: make([]byte, 1500)}, r.err
}

func dialIn(pid int, at string) (net.Conn, error) {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = ns.Close() }() // only read from
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	return net.Dial("udp", at)
}

func (a *asker) close() { _ = a.conn.Close() }

// ask says whether there was an answer with an address in time.
func (a *asker) ask(name string) (ok bool, err error) {
	a.id++
	q := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: a.id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	packet, err := q.Pack()
	if err != nil {
		return false, err
	}
	if err := a.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return false, err
	}
	if _, err := a.conn.Write(packet); err != nil {
		return false, err
	}
	for {
		n, err := a.conn.Read(a.b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		var m dnsmessage.Message
		if err := m.Unpack(a.b[:n]); err != nil {
			return false, err
		}
		if m.ID == a.id {
			return len(m.Answers) == 1, nil
		}
	}
}
