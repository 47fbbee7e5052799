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

// TestStands: a supervisor that systemd runs is not replaced by one of a command's.
func TestStands(t *testing.T) {
	wanted := []string{"/bin/stackup", "--root", "/r", "--state", "/s", "--address", "/a", superviseName}
	for args, want := range map[string]bool{
		"/bin/stackup --root /r --state /s --address /a __supervise":        true,
		"/bin/stackup --root /r --state /s --address /a __supervise --stay": true,
		"/old/stackup --root /r --state /s --address /a __supervise --stay": false,
		"/bin/stackup --root /r --state /s --address /b __supervise":        false,
		"": false,
	} {
		if got := stands(strings.Fields(args), wanted); got != want {
			t.Errorf("%s: %v", args, got)
		}
	}
}
