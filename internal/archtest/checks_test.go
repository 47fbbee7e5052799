package archtest

import (
	"go/parser"
	"go/token"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func at(short string, imports ...string) pkg {
	return pkg{ImportPath: module + "/" + short, Imports: imports}
}

// TestChecksCatch breaks each rule on purpose.
func TestChecksCatch(t *testing.T) {
	inTest := func(short, imports string) pkg {
		return pkg{ImportPath: module + "/" + short, XTestImports: []string{imports}}
	}
	our := func(short string) string { return module + "/" + short }
	for name, c := range map[string]struct {
		pkg  pkg
		want int // complaints
	}{
		"planner may use spec":               {at("planner", our("spec"), "fmt"), 0},
		"planner reaches up":                 {at("planner", our("internal/event")), 1},
		"spec reaches anything":              {at("spec", our("internal/statedir")), 1},
		"executor knows the adapter":         {at("executor", our("internal/ctrd")), 1},
		"a low leaf knows the executor":      {at("internal/health", our("executor")), 1},
		"network tree is one":                {at("internal/network/nat", our("internal/network/ports")), 0},
		"ui reads labels":                    {at("internal/ui", our("internal/labels")), 1},
		"app renders":                        {at("internal/app", our("internal/ui")), 1},
		"app reaches containerd's adapter":   {at("internal/app", our("internal/ctrd")), 1},
		"the exact row wins over a tree":     {at("internal/cni/stackup-cni", our("spec")), 1},
		"a package without a row":            {at("internal/novel"), 1},
		"dev tools see all":                  {at("internal/dev/x", our("internal/ctrd"), "github.com/containerd/containerd/v2/client"), 0},
		"the program uses a dev tool":        {at("cmd/stackup", our("internal/dev/x")), 1},
		"a test uses a dev tool":             {inTest("internal/ctrd", our("internal/dev/x")), 0},
		"e2e looks inside":                   {inTest("e2e", our("planner")), 1},
		"tests use the fake":                 {inTest("executor", our("internal/enginetest")), 0},
		"tests of others do not":             {inTest("spec", our("internal/enginetest")), 1},
		"the program uses the fake":          {at("cmd/stackup", our("internal/enginetest")), 2},
		"containerd in the adapter":          {at("internal/ctrd", "github.com/containerd/containerd/v2/client"), 0},
		"containerd's api elsewhere":         {at("internal/app", "github.com/containerd/containerd/api/types"), 1},
		"containerd in a test elsewhere":     {inTest("internal/app", "github.com/containerd/containerd/v2/client"), 1},
		"a neighbour of containerd":          {at("internal/app", "github.com/containerd/errdefs"), 0},
		"compose-go in app":                  {at("internal/app", "github.com/compose-spec/compose-go/v2/types"), 1},
		"cobra in app":                       {at("internal/app", "github.com/spf13/cobra"), 1},
		"pflag in ui":                        {at("internal/ui", "github.com/spf13/pflag"), 1},
		"a shelf":                            {at("internal/dev/util"), 1},
		"a shelf by suffix":                  {at("internal/dev/netutil"), 1},
		"a helper program that links cobra":  {pkg{Name: "main", ImportPath: our("internal/logs/stackup-logger"), Deps: []string{"fmt", "github.com/spf13/cobra"}}, 1},
		"a helper program with small things": {pkg{Name: "main", ImportPath: our("internal/logs/stackup-logger"), Deps: []string{"fmt", "golang.org/x/sys/unix"}}, 0},
		"the program may be large":           {pkg{Name: "main", ImportPath: our("cmd/stackup"), Deps: []string{"github.com/spf13/cobra"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bad := checkArrows(rows, c.pkg)
			bad = append(bad, checkForeign(foreigners, c.pkg)...)
			bad = append(bad, checkName(c.pkg)...)
			bad = append(bad, checkHelper(c.pkg)...)
			if len(bad) != c.want {
				t.Errorf("%d complaints, want %d: %q", len(bad), c.want, bad)
			}
		})
	}
}

func TestSourceChecksCatch(t *testing.T) {
	const pure = ": planning does no I/O and has no clock and no dice"
	for name, c := range map[string]struct {
		src        string
		pure, leak []string
	}{
		"clean":         {`import "time"; func F(d time.Duration) int { return int(d / time.Second) }`, nil, nil},
		"clock":         {`import "time"; var t = time.Now()`, []string{"uses time.Now: planning has no clock"}, nil},
		"renamed clock": {`import x "time"; var t = x.Since`, []string{"uses time.Since: planning has no clock"}, nil},
		"dot clock":     {`import . "time"`, []string{"imports time with a dot: its use of the clock could not be seen"}, nil},
		"context":       {`import "context"`, []string{"imports context" + pure}, nil},
		"os":            {`import "os/exec"`, []string{"imports os/exec" + pure}, nil},
		"net":           {`import "net/netip"`, []string{"imports net/netip" + pure}, nil},
		"slog":          {`import "log/slog"`, []string{"imports log/slog" + pure}, nil},
		"dice":          {`import "math/rand/v2"`, []string{"imports math/rand/v2" + pure}, nil},
		"leak in a signature": {
			`import "github.com/compose-spec/compose-go/v2/types"; func Load() types.Project { panic(0) }`,
			[]string{"imports github.com/compose-spec/compose-go/v2/types" + pure},
			[]string{"exported Load shows types.Project"},
		},
		"leak in a field": {
			`import c "github.com/compose-spec/compose-go/v2/types"; type S struct { P []*c.Project }`,
			[]string{"imports github.com/compose-spec/compose-go/v2/types" + pure},
			[]string{"exported S shows c.Project"},
		},
		"use inside": {
			`import "github.com/compose-spec/compose-go/v2/types"; func Load() int { var p types.Project; return len(p.Name) }; func conv(types.Project) {}`,
			[]string{"imports github.com/compose-spec/compose-go/v2/types" + pure},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x; "+c.src, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.pure, checkPure(f)); diff != "" {
				t.Errorf("purity (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.leak, checkNoLeak(f, "github.com/compose-spec/compose-go")); diff != "" {
				t.Errorf("leaks (-want +got):\n%s", diff)
			}
		})
	}
}
