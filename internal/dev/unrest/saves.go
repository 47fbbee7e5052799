package unrest

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// Save is one program's way of saving a file: the system calls that it makes.
type Save struct {
	How  string
	Text string // what the file holds then
	Do   func() error
}

// Saves are those of a file that exists, in any order.
func Saves(file string) []Save {
	dir, name := filepath.Split(file)
	beside := func(name string) string { return filepath.Join(dir, name) }
	return []Save{
		{"in place (vim, backupcopy=yes)", "two", func() error {
			return errors.Join(write(beside("4913"), ""), os.Remove(beside("4913")), write(file+"~", "one"), write(file, "two"), os.Remove(file+"~"))
		}},
		{"by a new file (vim, backupcopy=no)", "three", func() error {
			swap := beside("." + name + ".swp")
			return errors.Join(write(swap, "swap"), os.Rename(file, file+"~"), write(file, "three"), os.Remove(file+"~"), write(swap, "swap, more"))
		}},
		{"VS Code", "four", func() error {
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("four")
			return errors.Join(err, f.Sync(), f.Close())
		}},
		{"JetBrains' safe write", "five", func() error {
			aside, old := file+"___jb_tmp___", file+"___jb_old___"
			return errors.Join(write(aside, "five"), os.Rename(file, old), os.Rename(aside, file), os.Remove(old))
		}},
		{"sed -i", "six", func() error {
			return errors.Join(write(beside("sedAb3dEf"), "six"), os.Rename(beside("sedAb3dEf"), file))
		}},
		{"rsync", "seven", func() error {
			aside := beside("." + name + ".x8Kq2L")
			return errors.Join(write(aside, "seven"), os.Chtimes(aside, time.Time{}, time.Unix(1e9, 0)), os.Rename(aside, file))
		}},
		{"git checkout", "eight", func() error {
			git := beside("../.git")
			return errors.Join(os.MkdirAll(git, 0o755), write(git+"/index.lock", ""), os.Remove(file), write(file, "eight"), os.Rename(git+"/index.lock", git+"/index"))
		}},
	}
}

func write(name, text string) error {
	return os.WriteFile(name, []byte(text), 0o644) //nolint:forbidigo // in place, as editors do it
}
