package main

import (
	"os"
	"strings"
	"testing"
)

func TestUnit(t *testing.T) {
	g := &globals{root: "/var/lib/my stacks", state: "/run/stackup", address: "/run/containerd/containerd.sock"}
	text, err := g.unit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"After=network-online.target containerd.service\n",
		"ExecStart=" + self + ` --root "/var/lib/my stacks" --state /run/stackup --address /run/containerd/containerd.sock engine supervise` + "\n",
		"Restart=always\n", "KillMode=process\n", "WantedBy=multi-user.target\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if got := unitWord(`a"b%c$d`); got != `"a\"b%%c$$d"` {
		t.Errorf("quoted as %s", got)
	}
}
