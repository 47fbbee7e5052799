package network

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"stackup.dev/stackup/internal/network/bridge"
)

// call runs the plugin as a CNI runtime does and gives what it printed.
func (w *world) call(command, id, netns, ifname string, conf map[string]any) (string, error) {
	w.t.Helper()
	in, err := json.Marshal(conf)
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(w.PluginDir + "/stackup-cni")
	cmd.Env = []string{"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + id, "CNI_NETNS=" + netns, "CNI_IFNAME=" + ifname, "CNI_PATH=" + w.PluginDir}
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestPluginAnswersEveryCommand walks the verbs of CNI 1.1 section 2.
func TestPluginAnswersEveryCommand(t *testing.T) {
	w := newWorld(t)
	n := w.network("shop")
	path := w.NetnsPath("c1")
	if err := ensureNetns(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = removeNetns(path) })
	conf := map[string]any{
		"cniVersion": "1.1.0", "name": "shop_default", "type": "stackup-cni",
		"bridge": n.Bridge, "alias": n.spec().Alias, "gateway": n.spec().Gateway, "bridgeMac": n.spec().MAC,
		"address": "10.210.0.7/24", "mac": "02:73:0a:d2:00:07", "mtu": 1400, "isDefaultGateway": true,
	}
	veth := bridge.VethName(n.Bridge, "c1", "eth0")
	must := func(command, want string) {
		t.Helper()
		out, err := w.call(command, "c1", path, "eth0", conf)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, %s; want %q", command, err, out, want)
		}
	}
	must("VERSION", `"1.1.0"`)
	must("STATUS", "")
	must("ADD", `"10.210.0.7/24"`)
	must("ADD", `"02:73:0a:d2:00:07"`) // again: the stale pair is replaced
	conf["prevResult"] = map[string]any{"cniVersion": "1.1.0"}
	must("CHECK", "")
	within(t, path, func() {
		if out, err := exec.Command("ip", "-4", "route", "show", "default").CombinedOutput(); err == nil && !strings.Contains(string(out), "via 10.210.0.1 dev eth0") {
			t.Errorf("default route: %s", out)
		}
	})
	conf["cni.dev/valid-attachments"] = []map[string]string{{"containerID": "c1", "ifname": "eth0"}}
	must("GC", "")
	if !bridge.Exists(veth) {
		t.Error("GC took a valid attachment away")
	}
	conf["cni.dev/valid-attachments"] = []map[string]string{{"containerID": "c2", "ifname": "eth0"}}
	must("GC", "")
	if bridge.Exists(veth) {
		t.Error("GC left an invalid attachment")
	}
	if out, err := w.call("CHECK", "c1", path, "eth0", conf); err == nil {
		t.Errorf("CHECK found nothing amiss: %s", out)
	}
	must("ADD", "10.210.0.7")
	for range 2 {
		must("DEL", "")
		if bridge.Exists(veth) {
			t.Error("DEL left the pair")
		}
	}
	delete(conf, "bridge")
	if out, err := w.call("ADD", "c1", path, "eth0", conf); err == nil || !strings.Contains(out, "lacks bridge") {
		t.Errorf("ADD without bridge: %v, %s", err, out)
	}
}

// TestPluginFailsWhole: without the namespace nothing is made.
func TestPluginFailsWhole(t *testing.T) {
	w := newWorld(t)
	n := w.network("shop")
	conf := map[string]any{
		"cniVersion": "1.1.0", "name": "shop_default", "type": "stackup-cni",
		"bridge": n.Bridge, "gateway": n.spec().Gateway, "bridgeMac": n.spec().MAC, "address": "10.210.0.7/24", "mac": "02:73:0a:d2:00:07",
	}
	out, err := w.call("ADD", "c1", "/proc/self/no-such-namespace", "eth0", conf)
	if err == nil || !strings.Contains(out, "no-such-namespace") {
		t.Errorf("%v, %s", err, out)
	}
	if bridge.Exists(bridge.VethName(n.Bridge, "c1", "eth0")) {
		t.Error("a pair is left")
	}
}
