package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"stackup.dev/stackup/spec"
)

// BenchmarkLoad reads a stack of like services, as long as real ones are; five
// of them publish a port.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{50, 200, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			o := project(b, benchFile(n))
			b.ReportAllocs()
			for b.Loop() {
				s, err := spec.Load(b.Context(), o)
				if err != nil {
					b.Fatal(err)
				}
				if len(s.Services) != n {
					b.Fatalf("%d services, want %d", len(s.Services), n)
				}
			}
		})
	}
}

func benchFile(n int) string {
	var f strings.Builder
	f.WriteString("services:\n")
	for i := range n {
		fmt.Fprintf(&f, "  s%d:\n    image: busybox:1\n    command: [sleep, \"100000\"]\n    stop_grace_period: 1s\n"+
			"    environment:\n      LEVEL: ${LEVEL:-info}\n      N: \"%d\"\n    labels:\n      tier: bench\n", i, i)
		if i < 5 {
			fmt.Fprintf(&f, "    ports: [\"%d:80\"]\n", 20000+i)
		}
		if i > 0 {
			f.WriteString("    depends_on: [s0]\n")
		}
	}
	return f.String()
}
