package spec

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestValuesRefused: what the library lets through and the kernel would not.
func TestValuesRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	for with, want := range map[string]string{
		"blkio_config: {weight_device: [{path: /dev/sda, weight: 5}]}":                "blkio_config.weight_device: 5 is not between 10 and 1000",
		"blkio_config: {device_read_bps: [{path: sda, rate: 1}]}":                     `blkio_config.device_read_bps: "sda" at 1 is not a device's absolute path at a rate`,
		"volumes: [{type: bind, source: /a, target: /b, bind: {propagation: never}}]": `bind.propagation: "never" is not private, shared or slave`,
		"logging: {options: {max-file: 3x}}":                                          `logging.options.max-file: "3x" is not a number from 1 on`,
		"logging: {driver: gelf}":                                                     "logging.driver: gelf is not possible here (its library is no longer kept up)",
		"logging: {driver: x}":                                                        "logging.driver: x is not possible here (there is no such driver)",
		"logging: {driver: none, options: {max-size: 1m}}":                            "logging.options.max-size: the driver none has no such option here",
		"logging: {options: {tag: x}}":                                                "logging.options.tag: the driver json-file has no such option here",
		"logging: {driver: syslog, options: {tag: \"{{.Nam}}\"}}":                     "can't evaluate field Nam",
		"logging: {driver: syslog, options: {syslog-facility: x}}":                    `logging.options.syslog-facility: "x" is no facility`,
		"logging: {driver: syslog, options: {syslog-address: \"http://a\"}}":          "does not begin with one of tcp://, udp://, unix://, unixgram://",
		"logging: {driver: syslog, options: {syslog-address: \"unix://a\"}}":          "a socket is unix:///PATH",
		"logging: {driver: syslog, options: {syslog-address: \"tcp://a/b\"}}":         "is not tcp://HOST:PORT",
		"logging: {driver: fluentd, options: {fluentd-address: \"a:x\"}}":             "logging.options.fluentd-address",
		"logging: {driver: journald, options: {cache-disabled: \"true\"}}":            "is not possible here, only false",
		"logging: {driver: none}\n    x-stackup: {probe: {log: x}}":                   "logging.driver: with none there is no log",
		"logging: {options: {max-file: \"-1\"}}":                                      `logging.options.max-file: "-1" is not a number from 1 on`,
		"volumes: [{type: npipe, source: /a, target: /b}]":                            "volumes[0].type: npipe is not possible here (it is for Windows); use bind, volume, tmpfs or image",
		"volumes: [{type: cluster, source: a, target: /b}]":                           "volumes[0].type: cluster is not possible here (there is one node); use bind, volume, tmpfs or image",
		"volumes: [{type: image, target: /b}]":                                        "volumes[0].source: an image needs a name",
		"volumes: [{type: image, source: A, target: /b}]":                             `volumes[0].source: "A" is not an image reference`,
		"volumes: [{type: image, source: a, target: /b, image: {subpath: ../c}}]":     `volumes[0].image.subpath: "../c" leads out of the image`,
		"volumes_from: [\"container:../x\"]":                                          `volumes_from[0]: "../x" is not a container's name`,
		"volumes_from: [\"b:rx\"]":                                                    `volumes_from[0]: "rx" is neither ro nor rw`,
		"tmpfs: [\"/a,/b\"]":                                                          `tmpfs[0]: "/a,/b": give each target an entry of its own`,
		"tmpfs: [\"/a:size=-1\"]":                                                     `tmpfs[0]: "-1" is not a size`,
		"volumes: [{type: tmpfs, target: /a, tmpfs: {size: \"-1\"}}]":                 "volumes[0].tmpfs: a size of -1 bytes is less than nothing",
		"volumes: [{type: tmpfs, target: /a, tmpfs: {mode: 65536}}]":                  "volumes[0].tmpfs: 200000 is not an octal mode",
		"cpuset: \"0-\"":                                         `cpuset: "0-" is not a list of cores, as 0-2,4`,
		"cpuset: \"2-1\"":                                        `cpuset: "2-1" is not a list of cores`,
		"cpu_rt_runtime: 1000001":                                "cpu_rt_runtime: 1000001 is not between 0 and its period, 1000000",
		"cpu_rt_period: 1000\n    cpu_rt_runtime: 1001":          "cpu_rt_runtime: 1001 is not between 0 and its period, 1000",
		"storage_opt: {size: 1m}":                                `storage_opt.size: "1m" is not a size of at least 4m`,
		"storage_opt: {size: much}":                              `storage_opt.size: "much" is not a size of at least 4m`,
		"storage_opt: {dm.basesize: 1g}":                         "storage_opt.dm.basesize: is of a storage driver that is not used here",
		"shm_size: -1":                                           "shm_size: -1 is less than nothing",
		"domainname: \"a b\"":                                    `domainname: "a b" is not the name of a domain`,
		"group_add: [\"\"]":                                      `group_add[0]: "" is neither a group's name nor its number`,
		"expose: [\"80-\"]":                                      `expose[0]: "80-" is not a port or a range of ports`,
		"expose: [\"80/x\"]":                                     `expose[0]: "80/x" is not a port or a range of ports`,
		"device_cgroup_rules: [\"c 1:3\"]":                       `device_cgroup_rules[0]: "c 1:3" is not a rule, as c 1:3 rwm`,
		"network_mode: none\n    mac_address: 02:42:ac:11:00:03": "mac_address: it is on no network",
	} {
		if _, err := loadSample(t, dir, with); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", with, err, want)
		}
	}
}

// TestVolumesRefused: what no mount would take.
func TestVolumesRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	for with, want := range map[string]string{
		"{driver_opts: {type: tmpfs}}":                              "volumes.vol.driver_opts: type and device are both needed",
		"{driver_opts: {o: bind, device: /a}}":                      "volumes.vol.driver_opts: type and device are both needed",
		"{driver_opts: {type: none, o: bind, device: a}}":           `volumes.vol.driver_opts.device: "a" is not an absolute path`,
		"{driver_opts: {type: nfs, device: \":/a\", o: rw}}":        `volumes.vol.driver_opts.o: nfs needs the server's address: addr=NAME`,
		"{driver_opts: {size: 10m}}":                                "volumes.vol.driver_opts.size: the size of a folder is not limited here; a tmpfs has one: o: size=10m",
		"{driver_opts: {type: none, o: bind, device: /a, mode: x}}": "volumes.vol.driver_opts.mode: driver local has no such option; it has type, device and o",
		"{driver_opts: {type: fuse.x, device: x}}":                  "volumes.vol.driver_opts.type: fuse.x needs a program of its own",
		"{driver_opts: {type: tmpfs, device: tmpfs, o: \"a\\0b\"}}": "volumes.vol.driver_opts.o: the value holds control characters",
		"{driver: rclone}":                                          "volumes.vol.driver: not possible here (there are no plugins here",
	} {
		text := "services:\n  web: {image: x, volumes: [\"vol:/v\"]}\nvolumes:\n  vol: " + with + "\n"
		if _, err := loadSample(t, dir, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", with, err, want)
		}
	}
	two := "services:\n  a: {image: x, volumes: [%]}\n  b: {image: x, volumes: [{type: volume, source: v, target: /v, volume: {labels: {l: b}}}]}\nvolumes: {v: {}, e: {external: true}}\n"
	for one, want := range map[string]string{
		"{type: volume, source: v, target: /v, volume: {labels: {l: a}}}": `volume.labels: l is "b" here and "a" elsewhere: give it at the top level`,
		"{type: volume, source: e, target: /v, volume: {labels: {l: a}}}": "volume.labels: volume e is external: its labels are with whoever makes it",
	} {
		if _, err := loadSample(t, dir, strings.Replace(two, "%", one, 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", one, err, want)
		}
	}
}

func TestServersOfVolumes(t *testing.T) {
	nfs := LocalMount{Type: "nfs", Device: ":/a", Options: "rw,addr=host.test,soft"}
	if nfs.Addr() != "host.test" {
		t.Errorf("server %q", nfs.Addr())
	}
	if got := nfs.Resolved(netip.MustParseAddr("::ffff:192.0.2.1")).Options; got != "rw,addr=192.0.2.1,soft" {
		t.Errorf("options %q", got)
	}
	for _, l := range []LocalMount{{Type: "tmpfs", Options: "addr=x"}, {Type: "nfs", Options: "myaddr=x"}} {
		if l.Addr() != "" {
			t.Errorf("%+v: server %q", l, l.Addr())
		}
	}
}

// TestSayingNothingAndNone: an empty list is the same as none, also in the form
// that is kept.
func TestSayingNothingAndNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	for _, with := range []string{"dns: []", "dns_search: []", "dns_opt: []", "build: {context: ., platforms: [], cache_from: [], no_cache_filter: []}"} {
		without := ""
		if strings.HasPrefix(with, "build") {
			without = "build: {context: .}"
		}
		a, err1 := loadSample(t, dir, without)
		b, err2 := loadSample(t, dir, with)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if a.Services[0].DNS.Servers != nil || b.Services[0].DNS.Servers != nil || b.Services[0].Build != nil && b.Services[0].Build.Platforms != nil {
			t.Errorf("%s: %+v", with, b.Services[0])
		}
	}
}

func TestCores(t *testing.T) {
	for text, want := range map[float32]float64{0.1: 0.1, 0.7: 0.7, 1.5: 1.5, 0: 0} {
		if got := cores(text); got != want {
			t.Errorf("%g, want %g", got, want)
		}
	}
}

// TestAddressesOfTheSubnet: no container can have them.
func TestAddressesOfTheSubnet(t *testing.T) {
	for address, want := range map[string]string{
		"10.9.0.0":   "10.9.0.0 is the address of the subnet itself",
		"10.9.0.1":   "10.9.0.1 is the gateway's address",
		"10.9.0.255": "10.9.0.255 is the subnet's broadcast address",
		"10.9.0.2":   "",
	} {
		file := "services:\n  a: {image: x, networks: {n: {ipv4_address: " + address + "}}}\nnetworks:\n  n: {ipam: {config: [{subnet: 10.9.0.0/24}]}}\n"
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "stack.yaml"), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(t.Context(), Options{WorkingDir: dir, ProjectName: "demo"})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

// TestValuesTaken: what used to be read wrongly.
func TestValuesTaken(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	taken := func(with string) *Service {
		t.Helper()
		s, err := loadSample(t, dir, with)
		if err != nil {
			t.Fatalf("%s: %v", with, err)
		}
		return s.Service("web")
	}
	if p := taken("ports: [{target: 53, protocol: UDP}]").Ports[0].Protocol; p != "udp" {
		t.Errorf("protocol %q", p)
	}
	if m := taken("mem_swappiness: 0").Fixed.MemorySwappiness; m == nil || *m != 0 {
		t.Errorf("mem_swappiness: 0 is %v", m)
	}
	if m := taken("").Fixed.MemorySwappiness; m != nil {
		t.Errorf("no mem_swappiness is %d", *m)
	}
	if err := os.WriteFile(filepath.Join(dir, "l"), []byte("a=\"b c\"\n# none\nd='$a'\ne=${a}\nf.g-h=i # note\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []Pair{{"a", "b c"}, {"d", "$a"}, {"e", "b c"}, {"f.g-h", "i"}}
	if got := taken("label_file: l").Labels; !slices.Equal(got, want) {
		t.Errorf("labels of a file: %q, want %q", got, want)
	}
}

// TestConfigOfAllLoadsAgain: in both forms, whatever the library makes of it.
func TestConfigOfAllLoadsAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	for _, with := range []string{
		"build: {context: ., ssh: [default, key=a.env], ulimits: {core: 0, nofile: {soft: 0, hard: 5}}}",
		"ulimits: {core: 0, nofile: {soft: 0, hard: 5}}",
		"blkio_config: {weight_device: [{path: /dev/sda, weight: 500}], device_read_bps: [{path: /dev/sda, rate: 1mb}]}",
		"environment: {A$B: c$$d, \"$$E\": f}",
	} {
		s, err := loadSample(t, dir, with)
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"yaml", "json"} {
			o := Options{WorkingDir: dir, ProjectName: s.Name, Files: s.Files}
			out, err := Config(t.Context(), o, View{Format: format})
			if err != nil {
				t.Fatal(err)
			}
			o.Files, o.Stdin = []string{"-"}, bytes.NewReader(out)
			again, err := Load(t.Context(), o)
			if err != nil {
				t.Errorf("%s as %s: %v\n%s", with, format, err, out)
				continue
			}
			if diff := cmp.Diff(s.Services, again.Services); diff != "" {
				t.Errorf("%s as %s:\n%s", with, format, diff)
			}
		}
	}
}
