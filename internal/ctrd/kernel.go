package ctrd

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"stackup.dev/stackup/internal/network"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

// lacksOfKernel says which networks and volumes this machine's kernel cannot make,
// once for each service that is on them.
func lacksOfKernel(s *spec.Stack) (out []planner.Lack) {
	for _, n := range s.Networks {
		if n.Driver == spec.DriverBridge || network.KnowsDriver(n.Driver) {
			continue
		}
		what := fmt.Sprintf("networks.%s: this machine's kernel has no %s; use another driver", n.Key, n.Driver)
		out = append(out, lackOf(s, what, func(v *spec.Service) bool { return v.Joins(n.Key) })...)
	}
	for _, v := range s.Volumes {
		if v.Local.Type == "" || v.Local.Type == "none" || knowsFileSystem(v.Local.Type) {
			continue
		}
		what := fmt.Sprintf("volumes.%s: this machine's kernel knows no file system %s", v.Key, v.Local.Type)
		out = append(out, lackOf(s, what, func(u *spec.Service) bool { return u.MountsVolume(v.Key) })...)
	}
	return out
}

func lackOf(s *spec.Stack, what string, concerns func(*spec.Service) bool) (out []planner.Lack) {
	for i := range s.Services {
		if concerns(&s.Services[i]) {
			out = append(out, planner.Lack{Service: s.Services[i].Name, What: what})
		}
	}
	return out
}

// knowsFileSystem asks the kernel, which loads what it needs for it; nothing is
// mounted (fsopen(2)). One too old to be asked says so when it mounts, and so does
// the program that mounts what lies in a process.
func knowsFileSystem(name string) bool {
	if strings.HasPrefix(name, "fuse") {
		return true
	}
	fd, err := unix.Fsopen(name, unix.FSOPEN_CLOEXEC)
	if err == nil {
		_ = unix.Close(fd) // nothing has been made with it
	}
	return !errors.Is(err, unix.ENODEV)
}
