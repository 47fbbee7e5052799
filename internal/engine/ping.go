package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/client"
	"golang.org/x/sys/unix"
)

// answerTime is how long an engine may take to say its version.
const answerTime = time.Second

// Ping asks the engine at address (a socket's path) for its version, without
// a leading v. It waits one second at most.
func Ping(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	c, err := connect(ctx, address)
	if err != nil {
		return "", err
	}
	v, err := versionOf(ctx, c)
	return v, errors.Join(err, c.Close())
}

// Listens says whether some process listens at address, without asking it
// anything: the caller's own first call shows whether it is well.
func Listens(ctx context.Context, address string) bool {
	_, err := peer(ctx, address)
	return err == nil
}

// connect dials first by itself: the client would try again and again where
// nobody listens.
func connect(ctx context.Context, address string) (*client.Client, error) {
	if _, err := peer(ctx, address); err != nil {
		return nil, err
	}
	return client.New(address, client.WithTimeout(answerTime))
}

func versionOf(ctx context.Context, c *client.Client) (string, error) {
	v, err := c.Version(ctx)
	if err != nil {
		return "", fmt.Errorf("ask the engine for its version: %w", err)
	}
	return plainVersion(v.Version), nil
}

// plainVersion takes off a leading v and the mark of an unstamped build.
func plainVersion(v string) string {
	return strings.TrimSuffix(strings.TrimPrefix(v, "v"), "+unknown")
}

// peer is the process that listens at address.
func peer(ctx context.Context, address string) (pid int, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", address)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	cerr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(cerr, err); err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}
