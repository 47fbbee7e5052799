// Command rpcfault sits between a containerd client and containerd's unix
// socket and injects a fault at the Nth call whose method matches -match. It
// needs no hook in the client.
//
//	rpcfault -listen f.sock -to containerd.sock -match 'Create|Start' -at 3 -do kill
//
// -do: kill       SIGKILL the calling process before the call reaches containerd
//
//	killafter  forward the call, SIGKILL the caller when the answer comes
//	hang       swallow everything from then on
//	log        only count
//
// Calls of processes whose command line matches -skip pass and do not count.
// Every counted call is printed, a line each.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/http2/hpack"
)

var (
	listen = flag.String("listen", "", "socket to listen on")
	to     = flag.String("to", "/run/containerd/containerd.sock", "containerd socket")
	match  = flag.String("match", ".", "regexp on the gRPC method path")
	at     = flag.Int64("at", 0, "fault at the Nth matching call (0: never)")
	do     = flag.String("do", "log", "kill|killafter|hang|log")
	skip   = flag.String("skip", "", "regexp on the caller's command line")
	count  int64
	start  = time.Now()
)

func main() {
	flag.Parse()
	re := regexp.MustCompile(*match)
	os.Remove(*listen)
	l, err := net.Listen("unix", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go serve(c.(*net.UnixConn), re)
	}
}

func peer(c *net.UnixConn) (pid int) {
	r, _ := c.SyscallConn()
	r.Control(func(fd uintptr) {
		if u, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			pid = int(u.Pid)
		}
	})
	return
}

// skipped says whether the process is one whose calls do not count.
func skipped(pid int) bool {
	if *skip == "" {
		return false
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && regexp.MustCompile(*skip).Match(b)
}

func serve(c *net.UnixConn, re *regexp.Regexp) {
	defer c.Close()
	s, err := net.Dial("unix", *to)
	if err != nil {
		return
	}
	defer s.Close()
	pid := peer(c)
	if skipped(pid) {
		go io.Copy(c, s)
		io.Copy(s, c)
		return
	}
	var victim sync.Map // stream id -> true: kill the caller when this stream is answered
	go func() {         // containerd -> client, frame by frame
		defer c.Close()
		frames(s, c, func(typ byte, id uint32, _ []byte) bool {
			if _, ok := victim.Load(id); ok && typ == 1 {
				syscall.Kill(pid, syscall.SIGKILL)
				return false
			}
			return true
		})
	}()
	pre := make([]byte, 24) // HTTP/2 client preface
	if _, err := io.ReadFull(c, pre); err != nil {
		return
	}
	s.Write(pre)
	path := ""
	dec := hpack.NewDecoder(1<<16, func(f hpack.HeaderField) {
		if f.Name == ":path" {
			path = f.Value
		}
	})
	frames(c, s, func(typ byte, id uint32, frag []byte) bool {
		if typ != 1 {
			return true
		}
		path = ""
		dec.Write(frag)
		if path == "" || !re.MatchString(path) {
			return true
		}
		n := atomic.AddInt64(&count, 1)
		fmt.Printf("%8.3fs #%d pid=%d %s\n", time.Since(start).Seconds(), n, pid, path)
		if n != *at {
			return true
		}
		switch *do {
		case "kill":
			syscall.Kill(pid, syscall.SIGKILL)
			return false
		case "killafter":
			victim.Store(id, true)
		case "hang":
			select {}
		}
		return true
	})
}

// frames copies HTTP/2 frames from r to w; see is called before a frame is forwarded and
// may stop the copy. frag is the header block fragment of a HEADERS frame.
func frames(r io.Reader, w io.Writer, see func(typ byte, id uint32, frag []byte) bool) {
	h := make([]byte, 9)
	for {
		if _, err := io.ReadFull(r, h); err != nil {
			return
		}
		n := int(h[0])<<16 | int(h[1])<<8 | int(h[2])
		p := make([]byte, n)
		if _, err := io.ReadFull(r, p); err != nil {
			return
		}
		frag := p
		if h[3] == 1 && n > 0 { // HEADERS: strip padding and priority
			pad := 0
			if h[4]&0x8 != 0 {
				pad, frag = int(frag[0]), frag[1:]
			}
			if h[4]&0x20 != 0 {
				frag = frag[5:]
			}
			frag = frag[:len(frag)-pad]
		}
		if !see(h[3], binary.BigEndian.Uint32(h[5:9])&0x7fffffff, frag) {
			return
		}
		if _, err := w.Write(append(append([]byte{}, h...), p...)); err != nil {
			return
		}
	}
}
