package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// confirmed warns and asks on the terminal. Where there is none, nobody can
// have meant to be asked.
func confirmed(ctx context.Context, warning string) (bool, error) {
	if !isTerminal(os.Stdin) {
		return false, errors.New("standard input is no terminal to ask on: give --force to go ahead")
	}
	fmt.Fprintf(os.Stderr, "%s\nAre you sure you want to continue? [y/N] ", warning)
	if err := readable(ctx, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr)
		return false, err
	}
	return yes(os.Stdin), nil
}

// yes reads one line, and says whether it consents.
func yes(r io.Reader) bool {
	line, _ := bufio.NewReader(r).ReadString('\n') // the end of the input is no consent
	line = strings.ToLower(strings.TrimSpace(line))
	return line == "y" || line == "yes"
}

// pollTime is how soon a signal ends the wait for an answer, in milliseconds.
const pollTime = 100

// readable waits until there is something to read, or ctx ends.
func readable(ctx context.Context, f *os.File) error {
	for ctx.Err() == nil {
		fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, pollTime)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if n > 0 {
			return nil
		}
	}
	return context.Cause(ctx)
}
