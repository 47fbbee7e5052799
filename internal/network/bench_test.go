package network

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"stackup.dev/stackup/internal/statedir"
)

// BenchmarkAttach measures Attach and Detach beside 0, 10 and 50 containers
// that are up already, each with a published port.
func BenchmarkAttach(b *testing.B) {
	if os.Getenv(inside) == "" {
		b.Skip("needs root and the right to make network namespaces")
	}
	for _, others := range []int{0, 10, 50} {
		b.Run(fmt.Sprintf("beside %d", others), func(b *testing.B) { benchmarkAttach(b, others) })
	}
}

// benchHost is one with so many containers claimed, all but the first of which are attached.
func benchHost(b *testing.B, containers int) *Host {
	b.Helper()
	base := b.TempDir()
	dirs, err := statedir.New(base+"/root", base+"/state")
	must(b, err)
	h := New(dirs, os.Getenv("STACKUP_TEST_PLUGINS"), slog.New(slog.DiscardHandler))
	_, err = h.CreateNetwork(b.Context(), "shop", "default", "shop_default", Settings{})
	must(b, err)
	b.Cleanup(func() {
		ctx := context.WithoutCancel(b.Context())
		for i := range containers {
			must(b, h.Release(ctx, fmt.Sprintf("c%d", i)))
		}
		must(b, h.RemoveNetwork(ctx, "shop_default"))
	})
	for i := range containers {
		e := endpointOf(fmt.Sprintf("c%d", i), fmt.Sprintf("s%d", i), "shop")
		_, err := h.Claim(b.Context(), e, []Published{tcp(uint16(20000+i), 80)})
		must(b, err)
		if i > 0 {
			must(b, h.Attach(b.Context(), e.ID))
		}
	}
	return h
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func benchmarkAttach(b *testing.B, others int) {
	h := benchHost(b, others+1)
	c0, err := h.endpoint("c0")
	must(b, err)
	var attach, detach time.Duration
	for b.Loop() {
		must(b, h.settle(b.Context(), c0)) // the last round's namespace ends in the background,
		time.Sleep(50 * time.Millisecond)  // and goes on with the kernel's link lock held
		start := time.Now()
		must(b, h.Attach(b.Context(), "c0"))
		attach += time.Since(start)
		start = time.Now()
		must(b, h.Detach(b.Context(), "c0"))
		detach += time.Since(start)
	}
	b.ReportMetric(float64(attach.Microseconds())/float64(b.N)/1000, "attach-ms/op")
	b.ReportMetric(float64(detach.Microseconds())/float64(b.N)/1000, "detach-ms/op")
}

// BenchmarkLook is what a plan of a stack whose containers run spends to see that nothing
// is lost.
func BenchmarkLook(b *testing.B) {
	if os.Getenv(inside) == "" {
		b.Skip("needs root and the right to make network namespaces")
	}
	h := benchHost(b, 21)
	for b.Loop() {
		if got, err := h.Look(b.Context(), "shop"); err != nil || len(got) > 0 {
			b.Fatal(got, err)
		}
	}
}
