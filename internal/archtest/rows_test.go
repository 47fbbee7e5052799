package archtest

// row says which packages of ours one package may import.
type row struct {
	pkg    string   // path below the module; "x/..." is x and all below it
	may    []string // likewise; more specific rows win over "x/..." rows
	tests  []string // what its tests may import on top
	reason string
}

// Groups of packages that are allowed together.
var (
	// core is what plans and their execution are made of.
	core = []string{"spec", "planner", "internal/event", "internal/labels", "internal/statedir"}
	// leaves do one thing each and know neither the executor nor containerd.
	leaves = []string{
		"internal/busy", "internal/fileevents", "internal/health", "internal/restart", "internal/logs", "internal/twin", "internal/dns", "internal/relay", "internal/forward",
		"internal/ports", "internal/provider", "internal/volume", "internal/inspect", "internal/network/...", "internal/initproc", "internal/build", "internal/tree", "internal/chronicle", "internal/cgroup",
	}
)

// rows is the house: lower layers first. A package without a row fails the
// test; give it one, with a reason, when you make it.
var rows = []row{
	{"spec", nil, nil, "the desired model stands alone: whoever reads it needs nothing else"},
	{"planner", []string{"spec"}, nil, "planning is a function of the desired and the observed state"},
	{"internal/statedir", []string{"internal/busy"}, nil, "files and locks know nothing of what is kept in them"},
	{"internal/labels", []string{"planner", "spec"}, nil, "labels encode identities, nothing more"},
	{"internal/event", []string{"planner"}, nil, "events name steps"},
	{"executor", []string{"planner", "spec", "internal/event"}, []string{"internal/enginetest"}, "the walk sees the world through its own Engine interface"},
	{"internal/enginetest", []string{"executor", "planner", "spec", "internal/event"}, nil, "the fake engine stands beside the seam"},

	{"internal/health", []string{"spec", "planner", "internal/statedir", "internal/fileevents"}, nil, "probes run in whatever can exec"},
	{"internal/restart", []string{"spec", "planner"}, nil, "restart rules are a function"},
	{"internal/busy", nil, nil, "limits and the machine's load, whatever waits"},
	{"internal/cgroup", nil, nil, "the kernel's control groups, whoever made them"},
	{"internal/fileevents", nil, nil, "events of files, whatever they hold"},
	{"internal/watch", nil, nil, "watching files needs no stack"},
	{"internal/dns", []string{"planner", "spec"}, nil, "name tables are derived from state"},
	{"internal/forward", []string{"spec", "planner", "internal/logs", "internal/statedir", "internal/twin"}, nil, "it reads log files and sends; whose they are it is told"},
	{"internal/relay", nil, nil, "it knows addresses, not whose they are"},
	{"internal/ports", []string{"planner", "spec"}, nil, "host ports in use, seen from outside"},
	{"internal/twin", []string{"internal/statedir"}, nil, "a helper that replaces its dead twin needs a lock alone"},
	{"internal/logs", []string{"planner", "internal/statedir", "internal/twin", "internal/fileevents"}, nil, "logs outlive engine and command"},
	{"internal/logs/stackup-logger", []string{"internal/logs", "internal/statedir", "internal/twin"}, nil, "one process per container: it must stay small"},
	{"internal/initproc", []string{"internal/statedir"}, nil, "finds the init program"},
	{"internal/initproc/stackup-init", []string{"internal/initproc"}, nil, "runs as process 1 of a container: it must stay small"},
	{"internal/shimfront/...", nil, nil, "one process per deletion: it must stay small"},
	{"internal/build", []string{"spec", "internal/statedir"}, nil, "builds are programs of BuildKit's and files, whatever is made of them"},
	{"internal/provider", []string{"spec", "internal/statedir"}, nil, "providers are programs and what they say"},
	{"internal/chronicle", nil, nil, "a record of what happened is files, whoever writes into them"},
	{"internal/tree", nil, nil, "copying files needs descriptors alone"},
	{"internal/volume", []string{"planner", "spec", "internal/statedir", "internal/labels"}, nil, "volumes are folders"},
	{"internal/network/...", []string{"planner", "spec", "internal/statedir", "internal/busy", "internal/labels", "internal/cni", "internal/fileevents", "internal/network/..."}, nil, "networks are netlink, nftables and files, whatever runs in them"},
	{"internal/cni", []string{"spec", "planner", "internal/statedir", "internal/busy", "internal/network/..."}, nil, "carries endpoints to CNI plugins"},
	{"internal/cni/stackup-cni", []string{"internal/cni", "internal/network/..."}, nil, "one process per attachment: it must stay small"},
	{"internal/inspect", []string{"planner", "spec", "internal/labels", "internal/network/...", "internal/restart"}, nil, "what ps and exec know of a container, free of containerd's types"},

	{"internal/engine/...", []string{"internal/statedir", "internal/busy", "internal/engine/..."}, nil, "runs containerd; what it is used for is not its business"},
	{"internal/ctrd", merge(core, leaves, []string{"executor", "internal/cni"}), []string{"internal/enginetest", "internal/engine/..."}, "the adapter to containerd sees what it adapts to, never use cases or output"},
	{"internal/supervisor", merge(core, leaves, []string{"internal/ctrd"}), []string{"internal/enginetest"}, "what outlives the command never plans through the executor"},
	{"internal/ui", []string{"internal/event", "planner", "spec"}, nil, "shows what it is given"},
	{"internal/app", merge(core, leaves, []string{"executor", "internal/watch"}), []string{"internal/enginetest"}, "use cases take an engine and a sink: no containerd, no renderer"},

	{"cmd/stackup", merge(core, leaves, []string{
		"executor", "internal/watch", "internal/cni", "internal/engine/...", "internal/ctrd",
		"internal/supervisor", "internal/ui", "internal/app",
	}), []string{"internal/enginetest"}, "wiring: flags, signals, exit codes"},
	{"e2e/...", []string{"internal/dev/...", "e2e/..."}, nil, "black box: runs the program, imports nothing of it"},
	{"internal/archtest", nil, nil, "judges from outside"},
	{"internal/dev/...", []string{"..."}, nil, "tools of the builders: they may see all, nobody ships them"},
	{"bench/...", []string{"bench/...", "internal/dev/..."}, nil, "measures programs from outside"},
}

func merge(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// foreign says who may import a library, or a package of ours.
type foreign struct {
	path   string // import path, and all below it; "our/" stands for the module
	by     []string
	tests  bool // tests of any package may, too
	reason string
}

var foreigners = []foreign{
	{"github.com/containerd/containerd", []string{"internal/ctrd", "internal/engine/...", "internal/dev/...", "e2e", "bench/floor"}, false, "containerd's types stop at the adapter and at the embedded server"},
	{"github.com/containerd/go-cni", []string{"internal/cni", "internal/network/..."}, false, "every attachment takes one way"},
	{"github.com/compose-spec/compose-go", []string{"spec"}, false, "the library that reads files is not our model"},
	{"github.com/miekg/dns", []string{"internal/dns"}, true, "messages of DNS stop at the server"},
	{"github.com/fluent/fluent-logger-golang", []string{"internal/forward"}, true, "the protocol stops where lines are sent"},
	{"github.com/coreos/go-systemd/v22/journal", []string{"internal/forward"}, true, "likewise"},
	{"github.com/spf13/cobra", []string{"cmd/stackup"}, false, "flags are the command's"},
	{"github.com/spf13/pflag", []string{"cmd/stackup"}, false, "flags are the command's"},
	{"our/internal/enginetest", nil, true, "a fake has no place in the program"},
}

// large are the programs that may link everything. All others (the CNI plugin,
// the logger, the init) run once per container and must stay small.
var large = []string{"cmd/stackup", "internal/dev/...", "bench/..."}

// heavy is what no small program links, directly or not.
var heavy = []string{
	"github.com/containerd/containerd", "github.com/compose-spec/compose-go", "github.com/spf13/cobra",
}

// impure is what the planner's own files do without: it does no I/O, has no
// clock and no dice.
var impure = []string{
	"context", "os", "io", "net", "log", "syscall", "math/rand", "crypto/rand",
	"testing", "unsafe", "plugin", "golang.org", "github.com", "pgregory.net",
}

// clock names what package time has beyond arithmetic.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Local", "LoadLocation"}

// shelves are package names that name a shelf, not an idea.
var shelves = []string{"util", "utils", "common", "types", "helper", "helpers", "misc", "shared"}
