package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/ui"
)

func lsCommand(g *globals) *cobra.Command {
	var all, quiet bool
	var format string
	var filters []string
	c := &cobra.Command{
		Use:   "ls",
		Short: "List the stacks of this machine",
		Long:  "List the stacks of this root that have running containers, with -a also the others.",
		Example: `  stackup ls -a
  stackup ls --format json --filter name=shop`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("--format %q: must be table or json", format)
			}
			wanted, err := nameFilter(filters)
			if err != nil {
				return err
			}
			list, err := g.everything(c)
			if err != nil {
				return err
			}
			return printStacks(lsRows(list, all, wanted), quiet, format)
		},
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "also stacks of which nothing runs")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "names only")
	c.Flags().StringVar(&format, "format", "table", "table or json")
	c.Flags().StringArrayVar(&filters, "filter", nil, "name=PATTERN (a regular expression); may be given several times")
	return c
}

// nameFilter reads --filter: a name must fit one of the patterns, if there are any.
func nameFilter(filters []string) (func(string) bool, error) {
	var patterns []*regexp.Regexp
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		if !ok || key != "name" {
			return nil, fmt.Errorf("--filter %q: must be name=PATTERN", f)
		}
		p, err := regexp.Compile(value)
		if err != nil {
			return nil, fmt.Errorf("--filter %q: %w", f, err)
		}
		patterns = append(patterns, p)
	}
	return func(name string) bool {
		return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(name) })
	}, nil
}

// everything lists the containers of all stacks.
func (g *globals) everything(c *cobra.Command) (list []inspect.Container, err error) {
	ses, err := g.connect(c.Context(), wantIfThere, event.Discard)
	if err != nil {
		return nil, ignoreNoEngine(err)
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	return ses.Engine.List(c.Context(), "")
}

// lsRows counts containers by stack; the list comes sorted by that.
func lsRows(list []inspect.Container, all bool, wanted func(string) bool) (rows []ui.LsRow) {
	for _, c := range list {
		if !c.Task.Runs() && !all || !wanted(c.Stack) {
			continue
		}
		if len(rows) == 0 || rows[len(rows)-1].Name != c.Stack {
			rows = append(rows, ui.LsRow{Name: c.Stack, States: map[string]int{}})
		}
		r := &rows[len(rows)-1]
		r.States[stateWord(c)]++
		if r.Files == "" {
			r.Files = c.Files
		}
	}
	return rows
}

func printStacks(rows []ui.LsRow, quiet bool, format string) error {
	return printRows(rows, quiet, format, func(r ui.LsRow) string { return r.Name }, ui.LsJSON, ui.LsTable)
}
