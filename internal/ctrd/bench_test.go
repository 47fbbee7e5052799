package ctrd_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"stackup.dev/stackup/executor"
	"stackup.dev/stackup/internal/ctrd"
	"stackup.dev/stackup/internal/dev/ocipack"
	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

const (
	benchRef     = "stackup.test/empty:1"
	benchEngines = "../../build/engines/containerd-2.4"
)

// BenchmarkObserve looks at a stack of 50 containers that have no tasks, on a
// real containerd: over an open connection, and with the opening of one, as a
// command does it.
func BenchmarkObserve(b *testing.B) {
	const n = 50
	c := benchEngine(b)
	s := &spec.Stack{Name: "shop", Networks: []spec.Network{{Key: "default", Name: "shop_default"}}}
	e := benchConnect(b, c)
	for i := range n {
		s.Services = append(s.Services, spec.Service{
			Name: fmt.Sprintf("s%d", i), Image: benchRef, Replicas: 1, Command: []string{"sleep", "1"},
			Networks: []spec.Attachment{{Network: "default"}},
		})
	}
	benchCreate(b, e, s)
	observe := func(b *testing.B, e *ctrd.Engine) {
		st, err := e.Observe(b.Context(), s)
		if err != nil || len(st.Containers) != n {
			b.Fatalf("%d containers, %v", len(st.Containers), err)
		}
	}
	b.Run("connected", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			observe(b, e)
		}
	})
	b.Run("connecting", func(b *testing.B) {
		for b.Loop() {
			e := benchConnect(b, c)
			observe(b, e)
			if err := e.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchConnect(b *testing.B, c ctrd.Config) *ctrd.Engine {
	b.Helper()
	e, err := ctrd.New(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	return e
}

// benchCreate makes a stack's network and records, and removes them at the end.
func benchCreate(b *testing.B, e *ctrd.Engine, s *spec.Stack) {
	b.Helper()
	ctx := b.Context()
	must := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	var archive bytes.Buffer
	must(ocipack.Pack(&archive, ocipack.Image{Ref: benchRef, Layers: []io.Reader{benchLayer(b)}}))
	_, err := e.LoadImages(ctx, &archive)
	must(err)
	st, err := e.Observe(ctx, s)
	must(err)
	must(e.CreateNetwork(ctx, s.Name, s.Networks[0]))
	b.Cleanup(func() { benchRemove(b, e, s) })
	for _, v := range s.Services {
		must(e.Create(ctx, executor.ContainerSpec{
			ID: planner.ContainerID(s.Name, v.Name, 1, 1), Stack: s.Name, Generation: 1, Name: s.Name + "-" + v.Name + "-1",
			Ref:    planner.Ref{Kind: planner.KindContainer, Name: v.Name, Index: 1},
			Digest: st.Images[0].Local, Hash: v.Hash(), Service: v, Networks: s.Networks,
		}))
	}
}

func benchRemove(b *testing.B, e *ctrd.Engine, s *spec.Stack) {
	ctx := context.WithoutCancel(b.Context())
	for _, v := range s.Services {
		if err := e.Remove(ctx, planner.ContainerID(s.Name, v.Name, 1, 1)); err != nil {
			b.Error(err)
		}
	}
	if err := e.RemoveNetwork(ctx, s.Name, s.Networks[0].Name); err != nil {
		b.Error(err)
	}
	e.RemoveShared()
	if err := e.Close(); err != nil {
		b.Error(err)
	}
}

func benchLayer(b *testing.B) io.Reader {
	b.Helper()
	layer, err := ocipack.Files(ocipack.File{Name: "bin/", Mode: 0o755})
	if err != nil {
		b.Fatal(err)
	}
	return layer
}

// benchEngine runs a containerd of the tests' own.
func benchEngine(b *testing.B) ctrd.Config {
	b.Helper()
	bin, err := filepath.Abs(benchEngines)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "containerd")); err != nil || os.Geteuid() != 0 {
		b.Skip("needs root, and the engines of make e2e")
	}
	dir, err := os.MkdirTemp("/tmp", "su-") //nolint:usetesting // socket paths are limited
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	d, err := statedir.New(filepath.Join(dir, "r"), filepath.Join(dir, "s"))
	if err != nil {
		b.Fatal(err)
	}
	address := filepath.Join(dir, "c.sock")
	benchDaemon(b, bin, dir, address)
	log := slog.New(slog.DiscardHandler)
	return ctrd.Config{Address: address, Dirs: d, Log: log, Network: network.New(d, bin, log), RuntimeBin: filepath.Join(bin, "runc")}
}

func benchDaemon(b *testing.B, bin, dir, address string) {
	b.Helper()
	conf := filepath.Join(dir, "containerd.toml")
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\n[grpc]\naddress = %q\n[ttrpc]\naddress = %q\n",
		filepath.Join(dir, "cr"), filepath.Join(dir, "cs"), address, address+".ttrpc")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	c := exec.Command(filepath.Join(bin, "containerd"), "-c", conf)
	c.Env = []string{"PATH=" + bin + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			b.Error(err)
		}
		_ = c.Wait() // its exit code says nothing
	})
	for range 500 {
		conn, err := net.Dial("unix", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.Fatal("containerd does not answer")
}
