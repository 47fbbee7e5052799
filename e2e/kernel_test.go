//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What this kernel may lack is seen at work in an emulated machine: make machine.

// needs leaves a test out on a machine without what it is about, unless the machine
// was made for it.
func needs(t *testing.T, what string, has bool) {
	t.Helper()
	if has {
		return
	}
	if os.Getenv("E2E_MACHINE") != "" {
		t.Fatal("this machine should have " + what)
	}
	t.Skip("this machine has no " + what + "; make machine has")
}

func knowsFileSystem(kind string) bool {
	fd, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}

func hasPrograms(names ...string) bool {
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			return false
		}
	}
	return true
}

// must runs a program of the machine's and fails the test if that fails.
func must(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := command(t, time.Minute, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// Intent: containers on an ipvlan network are neighbours on the parent's network,
// all behind its one hardware address.
func TestIPvlan(t *testing.T) {
	w := newWorld(t, beneath(wire), beneath(func(t *testing.T) {
		err := command(t, 20*time.Second, "ip", "link", "add", "sue2e8", "link", "sue2e0", "type", "ipvlan").Run()
		_ = command(t, 20*time.Second, "ip", "link", "del", "sue2e8").Run() // where it was made
		needs(t, "ipvlan", err == nil)
	}))
	stack := `
services:
  a:
    image: stackup.test/busybox:1
    command: ["httpd", "-f", "-p", "80", "-h", "/www"]
    networks: {lan: {ipv4_address: 10.214.11.20, ipv6_address: "fd00:214:11::20"}}
    stop_grace_period: 0s
  b: {image: stackup.test/busybox:1, networks: [lan], stop_grace_period: 0s}
networks:
  lan:
    driver: ipvlan
    enable_ipv6: true
    driver_opts: {parent: sue2e0, ipvlan_mode: l2}
    ipam: {config: [{subnet: 10.214.11.0/24, gateway: 10.214.11.1}, {subnet: "fd00:214:11::/64", gateway: "fd00:214:11::1"}]}
`
	w.file("stack.yaml", stack)
	w.must("up", "-d")
	parent, err := os.ReadFile("/sys/class/net/sue2e0/address")
	check(t, err)
	w.inside("a", map[string]string{
		"cat /sys/class/net/eth0/address":                                        strings.TrimSpace(string(parent)),
		"grep -c '^eth0.00000000.010BD60A' /proc/net/route":                      "1",
		"grep -c '^fd000214001100000000000000000020 .* eth0' /proc/net/if_inet6": "1",
	})
	if !w.reaches("stack.yaml", "b", "http://a") {
		t.Error("b does not reach a")
	}
	for _, url := range []string{"http://10.214.11.20", "http://[fd00:214:11::20]"} {
		if w.get(url) == "" {
			t.Errorf("%s: no answer on the wire", url)
		}
	}
	w.must("down")
	// In mode l3 nobody on the wire finds a container by asking for it.
	w.file("stack.yaml", strings.Replace(stack, "ipvlan_mode: l2", "ipvlan_mode: l3", 1))
	w.must("up", "-d")
	if !w.reaches("stack.yaml", "b", "http://a") {
		t.Error("b does not reach a in mode l3")
	}
	if c, err := net.DialTimeout("tcp", "10.214.11.20:80", 2*time.Second); err == nil {
		c.Close()
		t.Error("a answers on the wire in mode l3")
	}
	w.must("down")
}

// farStack has a volume that is a server's, by the server's name.
const farStack = `
services:
  a: {image: stackup.test/busybox:1, volumes: ["far:/far"], stop_grace_period: 0s}
  b: {image: stackup.test/busybox:1, volumes: ["far:/far:ro"], stop_grace_period: 0s}
volumes: {far: {driver_opts: {type: %s, device: %q, o: %q}}}
`

// farVolume has a container write to the server's folder, and another read.
func farVolume(t *testing.T, w *world, folder string, text string) {
	t.Helper()
	w.file("stack.yaml", text)
	check(t, os.WriteFile(filepath.Join(folder, "there"), []byte("before\n"), 0o644))
	w.must("up", "-d")
	w.inside("a", map[string]string{"cat /far/there": "before", "echo kept > /far/mine": ""})
	w.inside("b", map[string]string{"cat /far/mine": "kept", "touch /far/no 2>&1; true": ".*Read-only file system"})
	if b, err := os.ReadFile(filepath.Join(folder, "mine")); string(b) != "kept\n" || err != nil {
		t.Errorf("the server has %q, %v", b, err)
	}
	w.must("down", "-v")
	if _, err := os.Stat(filepath.Join(folder, "mine")); err != nil {
		t.Errorf("down -v has taken the server's files: %v", err)
	}
}

// Intent: a volume may be a folder of an NFS server.
func TestNFSVolume(t *testing.T) {
	folder := t.TempDir()
	w := newWorld(t, beneath(func(t *testing.T) { serveNFS(t, folder) }))
	farVolume(t, w, folder, fmt.Sprintf(farStack, "nfs", ":/", "addr=localhost,rw,nfsvers=4.2"))
}

// serveNFS has this machine serve a folder by NFS 4.2.
func serveNFS(t *testing.T, folder string) {
	t.Helper()
	needs(t, "NFS", knowsFileSystem("nfs4") && hasPrograms("exportfs", "rpc.nfsd", "rpc.mountd"))
	must(t, "mount", "-t", "tmpfs", "export", folder)
	t.Cleanup(func() { must(t, "umount", folder) })
	must(t, "mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd")
	t.Cleanup(func() { must(t, "umount", "/proc/fs/nfsd") })
	must(t, "exportfs", "-i", "-o", "rw,no_root_squash,insecure,no_subtree_check,fsid=0", "*:"+folder)
	mountd := command(t, 5*time.Minute, "rpc.mountd", "--foreground", "--no-nfs-version", "3", "--no-udp")
	check(t, mountd.Start())
	t.Cleanup(func() { stop(t, mountd, unix.SIGTERM) })
	must(t, "rpc.nfsd", "--no-nfs-version", "3", "--no-udp", "--grace-time", "10", "--lease-time", "10", "2")
	t.Cleanup(func() {
		must(t, "rpc.nfsd", "0")
		must(t, "exportfs", "-au")
	})
}

// Intent: a volume may be a share of an SMB server, whose password nobody sees.
func TestCIFSVolume(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "share")
	w := newWorld(t, beneath(func(t *testing.T) { serveSMB(t, dir, folder) }))
	text := fmt.Sprintf(farStack, "cifs", "//localhost/data", "addr=localhost,username=root,password=s3cret-word,vers=3.0")
	farVolume(t, w, folder, text)
	w.file("stack.yaml", strings.Replace(text, "s3cret-word", "wrong-word", 1))
	if r := w.run("up", "-d"); r.code != 1 || strings.Contains(r.out+r.err, "wrong-word") {
		t.Errorf("a wrong password: exit %d\n%s%s", r.code, r.out, r.err)
	}
	w.must("down", "-v")
}

// serveSMB has this machine serve a folder by SMB, with the rest of the server in dir.
func serveSMB(t *testing.T, dir, folder string) {
	t.Helper()
	needs(t, "CIFS", knowsFileSystem("cifs") && hasPrograms("smbd", "smbpasswd"))
	check(t, os.MkdirAll(folder, 0o777))
	conf := filepath.Join(dir, "smb.conf")
	check(t, os.WriteFile(conf, fmt.Appendf(nil, `[global]
private dir = %[1]s
lock directory = %[1]s
state directory = %[1]s
cache directory = %[1]s
pid directory = %[1]s
ncalrpc dir = %[1]s/n
log file = %[1]s/log
disable netbios = yes
smb ports = 445
[data]
path = %[2]s
read only = no
`, dir, folder), 0o600))
	add := command(t, time.Minute, "smbpasswd", "-c", conf, "-s", "-a", "root")
	add.Stdin = strings.NewReader("s3cret-word\ns3cret-word\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("smbpasswd: %v\n%s", err, out)
	}
	server := command(t, 5*time.Minute, "smbd", "--foreground", "--no-process-group", "-s", conf)
	server.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // it ends its whole group
	check(t, server.Start())
	t.Cleanup(func() { stop(t, server, unix.SIGTERM) })
	eventually(t, "smbd answers", func() bool {
		return command(t, 20*time.Second, "busybox", "nc", "-w", "1", "127.0.0.1", "445").Run() == nil
	})
}

// Intent: security_opt label says what SELinux knows a container as, and z gives
// what is mounted a label that containers may use.
func TestSELinuxLabels(t *testing.T) {
	w := newWorld(t, beneath(func(t *testing.T) {
		_, err := os.Stat("/sys/fs/selinux/enforce")
		needs(t, "SELinux", err == nil)
	}))
	w.file("shared/file", "text\n")
	w.file("stack.yaml", `
services:
  a: {image: stackup.test/busybox:1, security_opt: ["label=type:container_t", "label=level:s0:c5,c7"], volumes: ["./shared:/shared:z"], stop_grace_period: 0s}
  b: {image: stackup.test/busybox:1, security_opt: ["label=disable"], stop_grace_period: 0s}
`)
	w.must("up", "-d")
	w.inside("a", map[string]string{
		"cat /proc/1/attr/current":                 "system_u:system_r:container_t:s0:c5,c7\x00?",
		"grep ' / / ' /proc/self/mountinfo":        `.*context="?system_u:object_r:container_file_t:s0:c5,c7.*`,
		"cat /shared/file":                         "text",
		"cat /proc/self/attr/current | head -c 29": "system_u:system_r:container_t",
	})
	own, err := os.ReadFile("/proc/self/attr/current")
	check(t, err)
	w.inside("b", map[string]string{"cat /proc/1/attr/current": strings.Trim(string(own), "\x00\n") + "\x00?"})
	for _, name := range []string{"shared", "shared/file"} {
		buf := make([]byte, 200)
		n, err := unix.Lgetxattr(filepath.Join(w.project, name), "security.selinux", buf)
		check(t, err)
		if got := strings.Trim(string(buf[:n]), "\x00"); got != "system_u:object_r:container_file_t:s0" {
			t.Errorf("%s is labelled %s", name, got)
		}
	}
	w.must("down")
}

// Intent: containers are confined by the default profile that Docker has, or by
// the one that is asked for.
func TestAppArmor(t *testing.T) {
	w := newWorld(t, beneath(func(t *testing.T) {
		b, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
		needs(t, "AppArmor", err == nil && strings.HasPrefix(string(b), "Y") && hasPrograms("apparmor_parser"))
	}))
	w.file("stack.yaml", `
services:
  a: {image: stackup.test/busybox:1, cap_add: [SYS_ADMIN], stop_grace_period: 0s}
  b: {image: stackup.test/busybox:1, cap_add: [SYS_ADMIN], security_opt: ["apparmor=unconfined"], stop_grace_period: 0s}
`)
	w.must("up", "-d")
	const mount = "mount -t tmpfs none /tmp 2>&1 && echo mounted || true"
	w.inside("a", map[string]string{"cat /proc/1/attr/current": `\S+ \(enforce\)`, mount: ".*(denied|not permitted).*"})
	w.inside("b", map[string]string{"cat /proc/1/attr/current": "unconfined", mount: "mounted"})
	w.must("down")
}
