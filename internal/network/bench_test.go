package network

import (
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

func benchmarkAttach(b *testing.B, others int) {
	base := b.TempDir()
	dirs, err := statedir.New(base+"/root", base+"/state")
	if err != nil {
		b.Fatal(err)
	}
	h := New(dirs, os.Getenv("STACKUP_TEST_PLUGINS"), slog.New(slog.DiscardHandler))
	must := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	_, err = h.CreateNetwork(b.Context(), "shop", "default", "shop_default", Settings{})
	must(err)
	for i := range others + 1 {
		e := endpointOf(fmt.Sprintf("c%d", i), fmt.Sprintf("s%d", i), "shop")
		_, err := h.Claim(b.Context(), e, []Published{tcp(uint16(20000+i), 80)})
		must(err)
		if i > 0 {
			must(h.Attach(b.Context(), e.ID))
		}
	}
	c0, err := h.endpoint("c0")
	must(err)
	var attach, detach time.Duration
	for b.Loop() {
		must(h.settle(b.Context(), c0))   // the last round's namespace ends in the background,
		time.Sleep(50 * time.Millisecond) // and goes on with the kernel's link lock held
		start := time.Now()
		must(h.Attach(b.Context(), "c0"))
		attach += time.Since(start)
		start = time.Now()
		must(h.Detach(b.Context(), "c0"))
		detach += time.Since(start)
	}
	b.ReportMetric(float64(attach.Microseconds())/float64(b.N)/1000, "attach-ms/op")
	b.ReportMetric(float64(detach.Microseconds())/float64(b.N)/1000, "detach-ms/op")
	for i := range others + 1 {
		must(h.Release(b.Context(), fmt.Sprintf("c%d", i)))
	}
	must(h.RemoveNetwork(b.Context(), "shop_default"))
}
