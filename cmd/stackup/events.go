package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/chronicle"
	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/twin"
	"stackup.dev/stackup/internal/ui"
)

type eventFlags struct {
	json         bool
	since, until string
}

func eventsCommand(g *globals) *cobra.Command {
	var f eventFlags
	c := &cobra.Command{
		Use:   "events [SERVICE...]",
		Short: "Tell what happens, as it happens",
		Long: `Tell of the stack's containers: create, start, die (with exitCode, and oomKilled for
lack of memory), oom, kill (with signal), stop, restart (by policy, with restartCount),
pause, unpause, destroy, and health_status; of networks: create, connect, disconnect,
destroy; of volumes: create, destroy; of images, whoever uses them: pull, load, build,
tag, untag, push; and of plans: begin, and end with how it went. --since tells of what
was earlier too, as far back as the record goes, which keeps 1 MiB at least. With
services, only of their containers.`,
		Example: `  stackup events
  stackup events --json --since 10m --until 0s | jq -r .action`,
		RunE: func(c *cobra.Command, args []string) error { return g.events(c.Context(), f, args) },
	}
	c.Flags().BoolVar(&f.json, "json", false, "one JSON object a line")
	c.Flags().StringVar(&f.since, "since", "", "time (2026-01-02T15:04:05Z, seconds since 1970) or span before now (10m)")
	c.Flags().StringVar(&f.until, "until", "", "time or span before now at which to end")
	return c
}

// events reads the record alone: it needs no engine, and goes on while there is none.
func (g *globals) events(ctx context.Context, f eventFlags, only []string) error {
	now := time.Now()
	since, err := moment("--since", f.since, now)
	if err != nil {
		return err
	}
	until, err := moment("--until", f.until, now)
	if err != nil {
		return err
	}
	stack, err := g.stackName(ctx, only)
	if err != nil {
		return err
	}
	d, err := g.dirs()
	if err != nil {
		return err
	}
	if err := g.watched(ctx, d); err != nil {
		return err
	}
	return chronicle.Book{Path: d.Events()}.Follow(ctx, since, until, func(e chronicle.Entry) error {
		if !concerns(e, stack, only) {
			return nil
		}
		return f.tell(e)
	})
}

// concerns says whether an entry is told: those of the stack, and of what belongs
// to none; or those of the services that are asked for.
func concerns(e chronicle.Entry, stack string, only []string) bool {
	if len(only) > 0 && !slices.Contains(only, e.Service) {
		return false
	}
	return e.Stack == stack || e.Stack == ""
}

// watched sees to it that somebody notes what happens by itself, if there are
// containers.
func (g *globals) watched(ctx context.Context, d statedir.Dirs) error {
	if os.Geteuid() != 0 {
		return errors.New("what happens to containers is for root alone: run this command as root (sudo stackup …)")
	}
	choice, err := engine.Recorded(d)
	if err != nil || !choice.Recorded || !twin.Needed(d) {
		return err
	}
	libexec, err := engine.Libexec()
	if err != nil {
		return err
	}
	return newHelpers(d, libexec, choice.Address).Ensure(ctx)
}

// tell writes one line, in docker compose's form.
func (f eventFlags) tell(e chronicle.Entry) error {
	if f.json {
		e.Stack = "" // it is what was asked for
		return json.NewEncoder(os.Stdout).Encode(e)
	}
	var attributes []string
	for _, k := range slices.Sorted(maps.Keys(e.Attributes)) {
		attributes = append(attributes, k+"="+e.Attributes[k])
	}
	text := fmt.Sprintf("%s %s %s (%s)", e.Type, e.Action, e.ID, strings.Join(attributes, ", "))
	_, err := fmt.Println(e.Time.Local().Format("2006-01-02 15:04:05.000000"), ui.Sanitize(text))
	return err
}

// moment reads a time as docker does: with a zone or in the local one, in seconds
// since 1970, or as a span before now. Nothing is the zero time.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		return time.UnixMicro(int64(s * 1e6)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New(flag + " " + strconv.Quote(text) + ": must be a time (2026-01-02T15:04:05Z), seconds since 1970, or a span such as 10m")
}
