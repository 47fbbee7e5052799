package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func imagesSave(g *globals) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "save [-o FILE] IMAGE...",
		Short: "Write images to an OCI archive",
		Long: `Write images to an archive that images load reads, and docker load too. Without
-o, or with -o -, it goes to standard output. Of an image for several platforms
it has the one of this machine.`,
		Example: `  stackup images save -o web.tar nginx:1.27
  stackup images save nginx:1.27 | ssh other stackup images load /dev/stdin`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			save := func(w io.Writer) error {
				return g.on(c, func(s *session) error { return s.engine.SaveImages(c.Context(), w, args) })
			}
			if file != "" && file != "-" {
				return writeWhole(file, save)
			}
			if isTerminal(os.Stdout) {
				return errors.New("images save: standard output is a terminal: name a file by -o, or redirect it")
			}
			return save(os.Stdout)
		},
	}
	c.Flags().StringVarP(&file, "output", "o", "", "file to write, - for standard output")
	return c
}

// writeWhole lets write make a file that is there whole, or as it was before.
// What is no regular file, such as a pipe, is written to as it is.
func writeWhole(path string, write func(io.Writer) error) error {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	aside, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	err = write(aside)
	if err == nil {
		err = aside.Sync()
	}
	if err = errors.Join(err, aside.Close()); err == nil {
		err = os.Rename(aside.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(aside.Name()))
	}
	return nil
}
