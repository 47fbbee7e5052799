// Package hosts writes the hosts files by which containers of a network find
// one another (hosts(5)).
package hosts

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/statedir"
)

// Entry is an address with the names that lead to it.
type Entry struct {
	Address netip.Addr
	Names   []string
}

// Line is what a hosts file says of one address.
type Line struct {
	address netip.Addr
	text    string
}

// Lines gives a line for each address that has a name, by address. Names of one
// address are merged, so a line never repeats one, and equal input in any order
// gives equal lines. Several replicas of a service are several lines with one
// name; resolvers return them all.
func Lines(entries []Entry) []Line {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(x, y Entry) int { return x.Address.Compare(y.Address) })
	var out []Line
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Address == sorted[0].Address {
			n++
		}
		names := namesOf(sorted[0].Address, sorted[:n])
		slices.Sort(names)
		out = append(out, newLine(sorted[0].Address, names))
		sorted = sorted[n:]
	}
	return slices.DeleteFunc(out, func(l Line) bool { return l.text == "" })
}

// Render gives the content of a container's hosts file: localhost, the
// container's own addresses with its hostname first, then the lines of its
// networks by address, save for its own.
func Render(own []Entry, networks ...[]Line) []byte {
	var b bytes.Buffer
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	for i, e := range own {
		if !has(own[:i], e.Address) {
			b.WriteString(newLine(e.Address, namesOf(e.Address, own[i:])).text)
		}
	}
	for _, l := range inOrder(networks) {
		if !has(own, l.address) {
			b.WriteString(l.text)
		}
	}
	return b.Bytes()
}

func has(entries []Entry, a netip.Addr) bool {
	return slices.ContainsFunc(entries, func(e Entry) bool { return e.Address == a })
}

func inOrder(networks [][]Line) []Line {
	if len(networks) == 1 {
		return networks[0] // it is already
	}
	all := slices.Concat(networks...)
	slices.SortStableFunc(all, func(x, y Line) int { return x.address.Compare(y.address) })
	return all
}

// namesOf gives all names of an address, each once, in order of first sight.
func namesOf(a netip.Addr, in []Entry) []string {
	var out []string
	for _, e := range in {
		if e.Address != a {
			continue
		}
		for _, n := range e.Names {
			if n != "" && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}

func newLine(a netip.Addr, names []string) Line {
	if len(names) == 0 {
		return Line{address: a}
	}
	return Line{address: a, text: a.String() + "\t" + strings.Join(names, " ") + "\n"}
}

// Write makes the file at path hold content, in place: the file is
// bind-mounted into a running container, which would not see a new file of
// that name. It writes first and cuts off after, so that a reader never finds
// the file empty, and touches nothing if the content is the same already.
func Write(path string, content []byte) error {
	if err := statedir.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	err = writeInPlace(f, content)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func writeInPlace(f *os.File, content []byte) error {
	old, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	if bytes.Equal(old, content) {
		return f.Chmod(0o644) // the umask may have narrowed it, and containers read it as any user
	}
	if _, err := f.WriteAt(content, 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(content))); err != nil {
		return err
	}
	return f.Chmod(0o644)
}
