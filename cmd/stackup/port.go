package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"stackup.dev/stackup/internal/inspect"
	"stackup.dev/stackup/internal/network"
)

func portCommand(g *globals) *cobra.Command {
	var protocol string
	var index int
	c := &cobra.Command{
		Use:   "port SERVICE [PRIVATE_PORT]",
		Short: "Show where a service's ports are published",
		Long: `Print the address and port of this machine under which a port of a service's
container is published, or all of them.`,
		Example: `  stackup port web 80
  stackup port --protocol udp --index 2 dns 53`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if protocol != "tcp" && protocol != "udp" {
				return fmt.Errorf("--protocol %q: must be tcp or udp", protocol)
			}
			private := 0
			if len(args) == 2 {
				n, err := strconv.ParseUint(args[1], 10, 16)
				if err != nil || n == 0 {
					return fmt.Errorf("port %q: must be a number from 1 to 65535", args[1])
				}
				private = int(n)
			}
			err := g.onStack(c.Context(), args[:1], func(ses *session, stack string) error {
				x, err := ses.Replica(c.Context(), stack, args[0], index)
				if err != nil {
					return err
				}
				return printPorts(x, private, protocol)
			})
			if errors.Is(err, errNoEngine) {
				return fmt.Errorf("service %q is not running", args[0])
			}
			return err
		},
	}
	c.Flags().StringVar(&protocol, "protocol", "tcp", "tcp or udp")
	c.Flags().IntVar(&index, "index", 0, "replica (default: the first that runs)")
	return c
}

// printPorts prints all published ports of a container, or the address of one.
func printPorts(c inspect.Container, private int, protocol string) error {
	var have []string
	for _, p := range c.Ports {
		line := fmt.Sprintf("%d/%s -> %s", p.Target, p.Protocol, hostPort(p))
		if private == 0 {
			fmt.Println(line)
		}
		if int(p.Target) == private && p.Protocol == protocol {
			fmt.Println(hostPort(p))
			return nil
		}
		have = append(have, line)
	}
	if private == 0 {
		return nil
	}
	return fmt.Errorf("no port %d/%s for container %s: %s", private, protocol, c.Name, cmp.Or(strings.Join(have, ", "), "none is published"))
}

func hostPort(p network.Published) string {
	return net.JoinHostPort(cmp.Or(p.HostIP, "0.0.0.0"), strconv.Itoa(int(p.HostPort)))
}
