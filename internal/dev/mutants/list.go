package main

// mutant is a deliberate fault in one file, and the part of `make test` that must
// catch it.
type mutant struct {
	name string // what a user would suffer
	file string
	old  string // occurs once in the file
	new  string
	unit string // package whose unit tests fail; or
	e2e  string // test of e2e that fails
}

var mutants = []mutant{
	{
		name: "the old container goes before the new one is healthy",
		file: "planner/replace.go", unit: "./planner",
		old: "if m.ready(r.want) == spec.Healthy {", new: "if false {",
	},
	{
		name: "the serving container stops before its successor is made",
		file: "planner/replace.go", unit: "./planner",
		old: "stops = append(stops, m.stop(serving, oldReason(r, serving), slices.Concat(ready, stops)))",
		new: "stops = append(stops, m.stop(serving, oldReason(r, serving), nil))",
	},
	{
		name: "what an interrupted run has left stays",
		file: "planner/make.go", unit: "./planner",
		old: "\tm.removeLeftovers()\n", new: "",
	},
	{
		name: "a step is carried out below one that has failed",
		file: "executor/walk.go", unit: "./executor",
		old: "\tcase allDone(needs):\n", new: "\tcase true:\n",
	},
	{
		name: "the old container is started again though the new one serves",
		file: "executor/walk.go", unit: "./executor",
		old: "allDone(needs) && !allDone(saves)", new: "allDone(needs) && len(saves) >= 0",
	},
	{
		name: "Ctrl-C ends the rescue too",
		file: "executor/walk.go", unit: "./executor",
		old: "ctx, cancel := w.detached(ctx, n.step.Grace)", new: "ctx, cancel := context.WithCancel(ctx)",
	},
	{
		name: "a container has no bound on processes by default",
		file: "internal/ctrd/controllers.go", unit: "./internal/ctrd",
		old: "limit = pidsLimit", new: "limit = -1",
	},
	{
		name: "the address of a stopped container is given away after a start of the machine",
		file: "internal/network/claim.go", unit: "./internal/network",
		old: "\tif err := h.recall(ctx); err != nil {\n\t\treturn Endpoint{}, err\n\t}\n\tall, err := h.Endpoints()\n\tif err != nil {\n\t\treturn Endpoint{}, err\n\t}\n\tnetworks, err",
		new: "\tall, err := h.Endpoints()\n\tif err != nil {\n\t\treturn Endpoint{}, err\n\t}\n\tnetworks, err",
	},
	{
		name: "the port of a stopped container still leads to it",
		file: "internal/ctrd/stop.go", e2e: "TestPortOfAStoppedContainerIsFree",
		old: "\te.wiring.await(id)\n\treturn e.Network.Detach(ctx, id)\n", new: "\te.wiring.await(id)\n\treturn nil\n",
	},
	{
		name: "stop does not keep the supervisor from starting the container again",
		file: "internal/ctrd/stop.go", e2e: "TestLifeOnCommand",
		old: "\tif err := e.forbidRestart(ctx, rec); err != nil {\n\t\treturn err\n\t}\n", new: "\t_ = e.forbidRestart\n",
	},
	{
		name: "two containers get one address",
		file: "internal/network/ipam/address.go", unit: "./internal/network/ipam",
		old: "\t\tcase used[a]:\n", new: "\t\tcase false:\n",
	},
	{
		name: "another stack's containers are let in",
		file: "internal/network/nat/ruleset.go", unit: "./internal/network/nat",
		old: "\t\tout = append(out, rule(outTo(b.Name), drop()))\n", new: "\t\tout = append(out, rule(outTo(b.Name), accept()))\n",
	},
	{
		name: "the supervisor starts again what a user has stopped",
		file: "internal/supervisor/restart.go", unit: "./internal/supervisor",
		old: "c.Desired != labels.DesiredRunning, count, ranFor(c))", new: "false, count, ranFor(c))",
	},
	{
		name: "how a container ended is forgotten with the engine",
		file: "internal/supervisor/restart.go", e2e: "TestExitCodesOutliveTheEngine",
		old: "\t\t\t\ts.keepExit(ctx, id)\n", new: "",
	},
}
