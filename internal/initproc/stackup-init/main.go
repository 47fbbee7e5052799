// Command stackup-init is process 1 of a container with "init: true": it starts
// its arguments as a child, passes signals on, reaps every process that is left
// to it, and ends as the child ends.
package main

import (
	"errors"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"unsafe"
)

// Exit codes of a command that cannot be run, as shells give them.
const (
	cannotRun = 126
	notFound  = 127
)

const prSetChildSubreaper = 36 // linux/prctl.h

// onTerminal marks a second run of this program, between the first and the child.
const onTerminal = "STACKUP_INIT_ON_TERMINAL"

func main() {
	if len(os.Args) < 2 {
		fail(cannotRun, "usage: stackup-init PROGRAM [ARG...]")
	}
	if os.Getenv(onTerminal) == strconv.Itoa(os.Getppid()) {
		becomeOnTerminal()
	}
	os.Exit(run())
}

func run() int {
	// Without effect for process 1; elsewhere orphans come to us all the same.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	pid := start()
	go forward(signals, pid)
	return reap(pid)
}

// start runs the child in a process group of its own, so that a signal to the
// group does not reach it twice.
func start() int {
	path := find(os.Args[1])
	attr := &os.ProcAttr{Env: os.Environ(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Setpgid: true}}
	argv := os.Args[1:]
	if isTerminal() {
		self, err := os.Executable()
		check(err)
		path, argv = self, append([]string{os.Args[0]}, argv...)
		attr.Env = append(attr.Env, onTerminal+"="+strconv.Itoa(os.Getpid()))
	}
	p, err := os.StartProcess(path, argv, attr)
	check(err)
	return p.Pid
}

// becomeOnTerminal puts this process, the child to be, in the terminal's
// foreground and then becomes the program. Only the child itself can do that
// early enough, and SIGTTOU must be off while it does.
func becomeOnTerminal() {
	_ = os.Unsetenv(onTerminal)
	signal.Ignore(syscall.SIGTTOU)
	pgrp := int32(syscall.Getpgrp())
	_, _, _ = syscall.RawSyscall(syscall.SYS_IOCTL, 0, syscall.TIOCSPGRP, uintptr(unsafe.Pointer(&pgrp)))
	signal.Reset(syscall.SIGTTOU)
	check(syscall.Exec(find(os.Args[1]), os.Args[1:], os.Environ()))
}

func isTerminal() bool {
	var pgrp int32
	_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, 0, syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&pgrp)))
	return errno == 0
}

// forward passes on what is meant for the child. SIGCHLD is ours, and the Go
// runtime sends itself SIGURG.
func forward(signals <-chan os.Signal, pid int) {
	for s := range signals {
		n, ok := s.(syscall.Signal)
		switch {
		case !ok, n == syscall.SIGCHLD, n == syscall.SIGURG, n == syscall.SIGTTIN, n == syscall.SIGTTOU, n == syscall.SIGPIPE:
		default:
			_ = syscall.Kill(pid, n)
		}
	}
}

// reap waits for every process until the child has ended.
func reap(child int) int {
	for {
		var st syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &st, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			fail(cannotRun, "wait: "+err.Error())
		case pid == child && st.Signaled():
			return 128 + int(st.Signal())
		case pid == child && st.Exited():
			return st.ExitStatus()
		}
	}
}

func check(err error) {
	switch {
	case err == nil:
	case errors.Is(err, syscall.ENOENT):
		fail(notFound, err.Error())
	default:
		fail(cannotRun, err.Error())
	}
}

func fail(code int, why string) {
	_, _ = os.Stderr.WriteString("stackup-init: " + why + "\n")
	os.Exit(code)
}
