package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/app"
	"stackup.dev/stackup/internal/event"
)

func cpCommand(g *globals) *cobra.Command {
	var p app.Copying
	c := &cobra.Command{
		Use:   "cp [flags] SERVICE:SRC DEST|-\n  stackup cp [flags] SRC|- SERVICE:DEST",
		Short: "Copy files between a service and this machine",
		Long: `Copy files and folders between the containers of a service, running or not, and
this machine, by the rules of docker cp: into a folder that is there, else to that
name; the content of a folder if SRC ends in "/."; a tar archive for "-". Paths in a
container start from its root. A copy into a service goes to all its replicas, one
out of it comes from the first.`,
		Example: `  stackup cp web:/etc/nginx/nginx.conf .
  stackup cp ./site/. web:/usr/share/nginx/html
  stackup cp db:/var/lib/data - | tar t`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return g.copyFiles(c, p, args[0], args[1]) },
	}
	s := c.Flags()
	s.BoolVarP(&p.Options.Keep, "archive", "a", false, "keep owners, and set-user-ID bits")
	s.BoolVarP(&p.Options.Follow, "follow-link", "L", false, "copy what a link at SRC leads to")
	s.IntVar(&p.Index, "index", 0, "replica (default: all when copying into a service, else the first)")
	s.BoolVar(&p.All, "all", false, "containers of run, too")
	return c
}

// streams are standard input and output as the archive of a copy.
type streams struct {
	io.Reader
	io.Writer
}

func (g *globals) copyFiles(c *cobra.Command, p app.Copying, src, dst string) (err error) {
	ctx := c.Context()
	if err := sides(&p, src, dst); err != nil {
		return err
	}
	s, err := g.loadOrName(ctx)
	if err != nil {
		return err
	}
	if err := services(s, []string{p.Service}); err != nil {
		return err
	}
	ses, err := g.connect(ctx, wantIfThere, event.Discard)
	if errors.Is(err, errNoEngine) {
		return fmt.Errorf("no container found for service %q", p.Service)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ses.Close()) }()
	return ses.Copy(ctx, s.Name, p)
}

// sides sorts out which side is which.
func sides(p *app.Copying, src, dst string) (err error) {
	from, inside, out := serviceSide(src)
	to, insideTo, into := serviceSide(dst)
	outside := dst
	switch {
	case out && into:
		return errors.New("copying between services is not supported: copy to this machine first")
	case !out && !into:
		return errors.New("neither side names a service, as SERVICE:PATH")
	case into:
		from, inside, outside = to, insideTo, src
	}
	if inside == "" {
		return fmt.Errorf("no path is given after %q", from+":")
	}
	p.Service, p.Inside, p.Into = from, inside, into
	if outside == "-" {
		if out && isTerminal(os.Stdout) {
			return errors.New("an archive is not for a terminal: send it to a file or a pipe")
		}
		p.Archive = streams{os.Stdin, os.Stdout}
		return nil
	}
	p.Outside, err = absolute(outside)
	return err
}

// serviceSide reads SERVICE:PATH; a path that begins with a dot or a slash is
// one of this machine, whatever it holds.
func serviceSide(arg string) (service, path string, ok bool) {
	service, path, ok = strings.Cut(arg, ":")
	return service, path, ok && service != "" && !strings.HasPrefix(arg, ".") && !strings.HasPrefix(arg, "/")
}

// absolute keeps a slash, or a slash and a dot, at the end: they say something.
func absolute(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	here, err := os.Getwd()
	return here + "/" + path, err
}
