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

	"golang.org/x/sys/unix"
)

// Entry is an address with the names that lead to it.
type Entry struct {
	Address netip.Addr
	Names   []string
}

// Render gives the content of a container's hosts file: localhost, the
// container's own addresses with its hostname first, then everyone else by
// address. Names of one address are merged, so a line never repeats one, and
// equal input in any order gives equal content. Several replicas of a service
// are several lines with one name; resolvers return them all.
func Render(own, others []Entry) []byte {
	var b bytes.Buffer
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	rest := make([]Entry, 0, len(others))
	for _, e := range others {
		if slices.ContainsFunc(own, func(o Entry) bool { return o.Address == e.Address }) {
			own = append(slices.Clip(own), e)
		} else {
			rest = append(rest, e)
		}
	}
	for i, e := range own {
		if !slices.ContainsFunc(own[:i], func(o Entry) bool { return o.Address == e.Address }) {
			line(&b, e.Address, namesOf(e.Address, own[i:]))
		}
	}
	slices.SortFunc(rest, func(x, y Entry) int { return x.Address.Compare(y.Address) })
	for len(rest) > 0 {
		n := 1
		for n < len(rest) && rest[n].Address == rest[0].Address {
			n++
		}
		names := namesOf(rest[0].Address, rest[:n])
		slices.Sort(names)
		line(&b, rest[0].Address, names)
		rest = rest[n:]
	}
	return b.Bytes()
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

func line(b *bytes.Buffer, a netip.Addr, names []string) {
	if len(names) == 0 {
		return
	}
	b.Write(a.AppendTo(b.AvailableBuffer()))
	for i, n := range names {
		b.WriteByte("\t "[min(i, 1)])
		b.WriteString(n)
	}
	b.WriteByte('\n')
}

// Write makes the file at path hold content, in place: the file is
// bind-mounted into a running container, which would not see a new file of
// that name. It writes first and cuts off after, so that a reader never finds
// the file empty, and touches nothing if the content is the same already.
func Write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
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
