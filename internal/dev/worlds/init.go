package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// initArg says that this process is the first one of a world:
//
//	worlds initArg cgroup1|cgroup2 PROGRAM ARG...
const initArg = "init-of-a-world"

// namespaces are what a world has of its own.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID

// runInit prepares the world, runs the program in it, waits for every process that
// is left to it, as a first process must, and returns the program's exit code. What
// still runs then the kernel ends with the namespace.
func runInit(args []string) int {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "worlds: a world needs namespaces of its own")
		return 3
	}
	if err := prepare(args[0] == "cgroup2"); err != nil {
		fmt.Fprintln(os.Stderr, "worlds: prepare a world:", err)
		return 3
	}
	p, err := os.StartProcess(args[1], args[1:], &os.ProcAttr{
		Env: os.Environ(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "worlds:", err)
		return 3
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			fmt.Fprintln(os.Stderr, "worlds:", err)
			return 3
		case pid == p.Pid && status.Signaled():
			return 128 + int(status.Signal())
		case pid == p.Pid:
			return status.ExitStatus()
		}
	}
}

// prepare gives the namespaces what a machine has.
func prepare(cgroup2 bool) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return errors.Join(leaveMounts(os.TempDir()), ownSys(cgroup2), ownRun(), ownNetwork())
}

// leaveMounts takes off what others have mounted below a folder, as unit tests that
// run meanwhile do: it would vanish from this world when they take it off. What this
// process stands in stays.
func leaveMounts(dir string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	points, err := mountedBelow(dir)
	if err != nil {
		return err
	}
	for _, p := range points {
		if strings.HasPrefix(here+"/", p+"/") {
			continue
		}
		if err := unix.Unmount(p, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("take off %s: %w", p, err) // gone meanwhile is well
		}
	}
	return nil
}

// ownSys mounts a /sys that shows this network namespace, with what the machine has
// mounted below it, or with control groups of version 2 alone.
func ownSys(cgroup2 bool) error {
	const groups = "/sys/fs/cgroup"
	keep := map[string]int{}
	points, err := mountedBelow("/sys")
	if err != nil {
		return err
	}
	for _, p := range points {
		if cgroup2 && p == groups {
			continue
		}
		fd, err := unix.OpenTree(unix.AT_FDCWD, p, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			return fmt.Errorf("keep %s: %w", p, err)
		}
		defer unix.Close(fd)
		keep[p] = fd
	}
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	for p, fd := range keep {
		if err := unix.MoveMount(fd, "", unix.AT_FDCWD, p, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return fmt.Errorf("mount %s: %w", p, err)
		}
	}
	if !cgroup2 {
		return nil
	}
	if err := unix.Mount("cgroup2", groups, "cgroup2", 0, ""); err != nil {
		return fmt.Errorf("mount %s: %w", groups, err)
	}
	return nil
}

// mountedBelow lists the mount points below a folder, without those below another one.
func mountedBelow(dir string) (out []string, err error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") { // proc_pid_mountinfo(5)
			all = append(all, f[4])
		}
	}
	slices.Sort(all)
	for _, p := range all {
		if n := len(out); n == 0 || p != out[n-1] && !strings.HasPrefix(p, out[n-1]+"/") {
			out = append(out, p)
		}
	}
	return out, nil
}

// ownRun empties /run, but for what tells of name servers. So no two worlds share
// sockets, locks or shims, and a journald of the machine's is out of reach.
func ownRun() error {
	resolv, target := []byte(nil), ""
	if t, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil && strings.HasPrefix(t, "/run/") {
		target = t
		if resolv, err = os.ReadFile(t); err != nil {
			return err
		}
	}
	if err := unix.Mount("run", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	for _, dir := range []string{"/run/containerd", "/run/lock", filepath.Dir(target)} {
		if err := os.MkdirAll(dir, 0o755); err != nil && dir != "." {
			return err
		}
	}
	if err := os.Chmod("/run/containerd", 0o711); err != nil {
		return err
	}
	if target == "" {
		return nil
	}
	return os.WriteFile(target, resolv, 0o644)
}

// ownNetwork makes the links that every machine has: lo, and one with the machine's
// own address.
func ownNetwork() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	wire := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: "far0"}
	wire.Name = "eth0"
	if err := netlink.LinkAdd(wire); err != nil {
		return fmt.Errorf("add eth0: %w", err)
	}
	far, err := netlink.LinkByName("far0")
	if err != nil {
		return err
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(198, 51, 100, 2), Mask: net.CIDRMask(24, 32)}}
	if err := netlink.AddrAdd(wire, address); err != nil {
		return fmt.Errorf("give eth0 its address: %w", err)
	}
	for _, l := range []netlink.Link{lo, far, wire} {
		if err := netlink.LinkSetUp(l); err != nil {
			return fmt.Errorf("set %s up: %w", l.Attrs().Name, err)
		}
	}
	return nil
}
