package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/engine"
	"stackup.dev/stackup/internal/statedir"
	"stackup.dev/stackup/internal/twin"
)

// unitName is the systemd unit that install makes.
const unitName = "stackup.service"

func engineSupervise(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "supervise",
		Short: "Look after all containers in the foreground, for a service manager",
		Long: `Start the embedded engine if it is the one in use, bring back what ran when the
machine went down, and look after all containers until told to end. Where a
command has started a supervisor already, stand by to take its place.`,
		Example: "  stackup engine supervise",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			choice, err := g.chooseAndStart(c.Context())
			if err != nil {
				return err
			}
			d, libexec, err := g.embedded()
			if err != nil {
				return err
			}
			wanted, err := newHelpers(d, libexec, choice.Address).commands()
			if err != nil {
				return err
			}
			argv := append(wanted[twin.Supervisor], stayFlag) // by which commands know it
			return fmt.Errorf("run the supervisor: %w", syscall.Exec(argv[0], argv, os.Environ()))
		},
	}
}

// chooseAndStart gives the engine in use, which runs by then if it is ours.
func (g *globals) chooseAndStart(ctx context.Context) (engine.Choice, error) {
	d, libexec, err := g.embedded()
	if err != nil {
		return engine.Choice{}, err
	}
	choice, err := engine.Choose(ctx, d, g.address, os.Getenv)
	if err == nil && choice.Kind == engine.Embedded {
		err = engine.Start(ctx, d, libexec)
	}
	return choice, err
}

func engineInstall(g *globals) *cobra.Command {
	var show bool
	var dir string
	c := &cobra.Command{
		Use:   "install",
		Short: "Have systemd bring containers back after a start of the machine",
		Long: `Make a systemd unit that runs "stackup engine supervise" from the start of the
machine on: containers come back as their restart policies say, and a supervisor
that is killed is replaced. Nothing else needs it: commands start what they need.`,
		Example: "  stackup engine install\n  stackup engine install --print",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := g.unit(c.Context())
			if err != nil || show {
				fmt.Print(text)
				return err
			}
			if err := statedir.WriteFile(filepath.Join(dir, unitName), []byte(text), 0o644); err != nil {
				return err
			}
			return systemctl(c.Context(), dir, []string{"daemon-reload"}, []string{"enable", "--now", unitName})
		},
	}
	c.Flags().BoolVar(&show, "print", false, "print the unit, change nothing")
	unitDirFlag(c, &dir)
	return c
}

func engineUninstall() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:     "uninstall",
		Short:   "Take away what install has made; containers go on",
		Example: "  stackup engine uninstall",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			off := systemctl(c.Context(), dir, []string{"disable", "--now", unitName})
			return errors.Join(off, statedir.Remove(filepath.Join(dir, unitName)))
		},
	}
	unitDirFlag(c, &dir)
	return c
}

func unitDirFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "unit-dir", "/etc/systemd/system", "folder of systemd units")
}

// unit is the text of the unit, for the root, state and engine in use now.
func (g *globals) unit(ctx context.Context) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	d, err := g.dirs()
	if err != nil {
		return "", err
	}
	choice, err := engine.Choose(ctx, d, g.address, os.Getenv)
	if err != nil {
		return "", err
	}
	run := []string{self, "--root", d.Root, "--state", d.State}
	after := "network-online.target"
	if choice.Kind != engine.Embedded {
		run = append(run, "--address", choice.Address)
		after += " containerd.service"
	}
	for i, word := range run {
		run[i] = unitWord(word)
	}
	return fmt.Sprintf(unitText, after, strings.Join(append(run, "engine", "supervise"), " ")), nil
}

// unitWord quotes a word of a command line as systemd.service(5) wants it.
func unitWord(word string) string {
	if !strings.ContainsAny(word, " \t\"\\%$") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$").Replace(word) + `"`
}

// KillMode leaves the engine and the shims alone: containers go on when the
// supervisor is replaced.
const unitText = `[Unit]
Description=stackup brings containers back and looks after them
Documentation=https://github.com/compose-spec/compose-spec
After=%s
Wants=network-online.target

[Service]
ExecStart=%s
Restart=always
RestartSec=1
KillMode=process

[Install]
WantedBy=multi-user.target
`

// systemctl runs commands of systemd where that is at work for the folder; else
// it says what is left to do.
func systemctl(ctx context.Context, dir string, commands ...[]string) error {
	if _, err := os.Stat("/run/systemd/system"); err != nil || dir != "/etc/systemd/system" {
		fmt.Fprintln(os.Stderr, "note: systemd does not run here, or not with this folder: nothing was enabled")
		return nil
	}
	for _, args := range commands {
		cmd := exec.CommandContext(ctx, "systemctl", args...)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("systemctl %s: %w", strings.Join(args, " "), err)
		}
	}
	return nil
}
