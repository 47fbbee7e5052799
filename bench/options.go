package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"stackup.dev/stackup/bench/internal/report"
	"stackup.dev/stackup/bench/internal/tool"
)

type options struct {
	repo, peers, tmp, json string
	rounds                 int
	sizes                  []int
	tools                  []string
	kinds                  []report.Kind
	verbose                bool
}

func parse(args []string) (options, error) {
	var o options
	var sizes, tools, kinds string
	f := flag.NewFlagSet("bench", flag.ExitOnError)
	f.StringVar(&o.repo, "repo", ".", "`folder` with bin and build, as make leaves them")
	f.StringVar(&o.peers, "peers", "", "`folder` with the programs to compare with, instead of build/peers")
	f.StringVar(&o.tmp, "tmp", os.TempDir(), "`folder` for the engines' data")
	f.StringVar(&o.json, "json", "", "`file` to write all values to")
	f.IntVar(&o.rounds, "rounds", 7, "rounds")
	f.StringVar(&sizes, "sizes", "1,10,50,200", "numbers of services; above 50 ours alone")
	f.StringVar(&tools, "tools", strings.Join(defaultTools, ","), "what to run, of "+strings.Join(allTools, ","))
	f.StringVar(&kinds, "cases", words(report.Kinds), "what to measure")
	f.BoolVar(&o.verbose, "v", false, "print each value as it comes")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.sizes, err = numbers(sizes); err != nil {
		return o, err
	}
	for name := range strings.SplitSeq(tools, ",") {
		if !slices.Contains(allTools, name) {
			return o, fmt.Errorf("-tools: no %q among %s", name, strings.Join(allTools, ", "))
		}
		o.tools = append(o.tools, name)
	}
	for k := range strings.SplitSeq(kinds, ",") {
		if !slices.Contains(report.Kinds, report.Kind(k)) {
			return o, fmt.Errorf("-cases: no %q among %s", k, words(report.Kinds))
		}
		o.kinds = append(o.kinds, report.Kind(k))
	}
	if o.rounds < 1 {
		return o, errors.New("-rounds: at least 1")
	}
	if o.repo, err = filepath.Abs(o.repo); err != nil {
		return o, err
	}
	if o.peers == "" {
		o.peers = filepath.Join(o.repo, "build/peers")
	}
	o.peers, err = filepath.Abs(o.peers)
	return o, err
}

func words(kinds []report.Kind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, string(k))
	}
	return strings.Join(all, ",")
}

func numbers(s string) (all []int, err error) {
	for w := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 || n > 1000 {
			return nil, fmt.Errorf("-sizes: %q is no number from 1 to 1000", w)
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// place says where make and this run have put things.
func (o options) place(dir string) tool.Place {
	return tool.Place{
		Program: filepath.Join(o.repo, "bin/stackup"),
		Libexec: filepath.Join(o.repo, "bin/libexec/stackup"),
		Engine:  filepath.Join(o.repo, "build/engines/containerd-2.4"),
		Peers:   o.peers,
		Floor:   filepath.Join(o.repo, "build/bench/floor"),
		Dir:     dir,
		Run:     "/run/b", // short: socket paths are limited
	}
}
