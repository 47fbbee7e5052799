package spec

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample shows that an honoured attribute reaches the Stack: a service (or a
// whole file, if it starts with a top-level key) without and with it.
type sample struct{ without, with string }

func svc(with string) sample { return sample{"", with} }

// files are two definitions of a config or secret that a service uses.
func files(top, without, with string) sample {
	one := func(def string) string {
		return "services:\n  web: {image: x, " + top + ": [c]}\n" + top + ":\n  c: {" + def + "}\n"
	}
	if without == "{}" {
		return sample{"services:\n  web: {image: x}\n", one(with)}
	}
	return sample{one(without), one(with)}
}

// granted are two ways for a service to use a config or secret.
func granted(top, without, with string) sample {
	one := func(use string) string {
		return "services:\n  web: {image: x, " + top + ": [" + use + "]}\n" + top + ":\n  c: {file: a.env}\n"
	}
	return sample{one(without), one(with)}
}

// samples has one entry per honoured row that a Stack shows.
func samples() map[string]sample {
	const port, mount, health = "ports: [{target: 80%s}]", "volumes: [{type: bind, source: ./a, target: /a%s}]", "healthcheck: {test: [CMD, \"true\"]%s}"
	const vol = "volumes: [{type: volume, target: /a%s}]"
	const tmp, rule = "volumes: [{type: tmpfs, target: /a%s}]", "develop: {watch: [{path: ./a, action: rebuild%s}]}"
	const syncRule = "develop: {watch: [{path: ./a, action: sync, target: /a%s}]}"
	const execRule = "develop: {watch: [{path: ./a, action: sync+exec, target: /a, exec: {command: %s}}]}"
	more := func(format, extra string) sample {
		return sample{strings.Replace(format, "%s", "", 1), strings.Replace(format, "%s", ", "+extra, 1)}
	}
	const twoA, twoB = "services:\n  web: {image: x}\n", "services:\n  web: {image: x}\n  b: {image: x}\n"
	opts := func(driver, options string) string {
		return "{driver: " + driver + ", driver_opts: {" + options + "}, ipam: {config: [{subnet: 10.9.0.0/24}]}}\n"
	}
	netB := "services:\n  web: {image: x, networks: [n]}\nnetworks:\n  n: "
	volB := "services:\n  web: {image: x, volumes: [\"vol:/n\"]}\nvolumes:\n  vol: "
	dep := "services:\n  b: {image: x, profiles: [p]}\n  web: {image: x, depends_on: {b: {condition: service_started%s}}}\n"
	dep2 := "services:\n  b: {image: x}\n  web: {image: x, depends_on: {b: {condition: service_started%s}}}\n"
	return map[string]sample{
		"name":       {twoA, "name: other\n" + twoA},
		"services":   {twoA, twoB},
		"services.*": {twoA, twoB},
		"networks":   {twoA, netB + "{}\n"},
		"networks.*": {twoA, netB + "{}\n"}, "networks.*.name": {netB + "{}\n", netB + "{name: o}\n"},
		"networks.*.external": {netB + "{}\n", netB + "{external: true}\n"},
		"volumes":             {twoA, volB + "{}\n"},
		"volumes.*":           {twoA, volB + "{}\n"}, "volumes.*.name": {volB + "{}\n", volB + "{name: o}\n"},
		"volumes.*.driver_opts":                       {volB + "{}\n", volB + "{driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}\n"},
		"volumes.*.labels":                            {volB + "{}\n", volB + "{labels: {a: b}}\n"},
		"services.*.volumes.[].bind.selinux":          more(mount, "bind: {selinux: z}"),
		"services.*.volumes.[].volume.labels":         more(vol, "volume: {labels: {a: b}}"),
		"volumes.*.external":                          {volB + "{}\n", volB + "{external: true}\n"},
		"services.*.image":                            svc("image: y"),
		"services.*.container_name":                   svc("container_name: one"),
		"services.*.command":                          svc("command: sleep 1"),
		"services.*.entrypoint":                       svc("entrypoint: []"),
		"services.*.environment":                      svc("environment: {A: b}"),
		"services.*.env_file":                         svc("env_file: a.env"),
		"services.*.env_file.[].path":                 {"env_file: [{path: a.env}]", "env_file: [{path: b.env}]"},
		"services.*.env_file.[].format":               {"env_file: [{path: a.env}]", "env_file: [{path: a.env, format: raw}]"},
		"services.*.env_file.[].required":             {"env_file: [{path: none.env}]", "env_file: [{path: none.env, required: false}]"},
		"services.*.working_dir":                      svc("working_dir: /w"),
		"services.*.user":                             svc("user: \"1\""),
		"services.*.ports":                            svc("ports: [\"80\"]"),
		"services.*.ports.[].target":                  {"ports: [{target: 80}]", "ports: [{target: 81}]"},
		"services.*.ports.[].published":               more(port, "published: \"8080\""),
		"services.*.ports.[].host_ip":                 more(port, "host_ip: 127.0.0.1"),
		"services.*.ports.[].protocol":                more(port, "protocol: udp"),
		"services.*.networks":                         {twoA, netB + "{}\n"},
		"services.*.networks.*":                       {twoA, netB + "{}\n"},
		"services.*.networks.*.aliases":               svc("networks: {default: {aliases: [w]}}"),
		"services.*.depends_on":                       {twoB, twoB + "  c: {image: x, depends_on: [b]}\n"},
		"services.*.depends_on.*":                     {twoB, twoB + "  c: {image: x, depends_on: [b]}\n"},
		"services.*.depends_on.*.condition":           {twoB + "  c: {image: x, depends_on: [b]}\n", twoB + "  c: {image: x, depends_on: {b: {condition: service_healthy}}}\n"},
		"services.*.depends_on.*.required":            more(dep, "required: false"),
		"services.*.healthcheck":                      svc("healthcheck: {test: \"true\"}"),
		"services.*.healthcheck.test":                 svc("healthcheck: {test: \"true\"}"),
		"services.*.healthcheck.disable":              svc("healthcheck: {disable: true}"),
		"services.*.healthcheck.interval":             more(health, "interval: 1s"),
		"services.*.healthcheck.timeout":              more(health, "timeout: 1s"),
		"services.*.healthcheck.retries":              more(health, "retries: 1"),
		"services.*.healthcheck.start_period":         more(health, "start_period: 1s"),
		"services.*.healthcheck.start_interval":       more(health, "start_interval: 1s"),
		"services.*.restart":                          svc("restart: on-failure:3"),
		"services.*.labels":                           svc("labels: {a: b}"),
		"services.*.hostname":                         svc("hostname: h"),
		"services.*.stop_signal":                      svc("stop_signal: SIGINT"),
		"services.*.stop_grace_period":                svc("stop_grace_period: 1s"),
		"services.*.read_only":                        svc("read_only: true"),
		"services.*.tmpfs":                            svc("tmpfs: /run"),
		"services.*.init":                             svc("init: true"),
		"services.*.scale":                            svc("scale: 2"),
		"services.*.profiles":                         svc("profiles: [off]"),
		"services.*.develop":                          svc("develop: {watch: [{path: ./a, action: rebuild}]}"),
		"services.*.develop.watch":                    svc("develop: {watch: [{path: ./a, action: rebuild}]}"),
		"services.*.develop.watch.[].path":            {"develop: {watch: [{path: ./a, action: rebuild}]}", "develop: {watch: [{path: ./b, action: rebuild}]}"},
		"services.*.develop.watch.[].action":          {"develop: {watch: [{path: ./a, action: rebuild}]}", "develop: {watch: [{path: ./a, action: restart}]}"},
		"services.*.develop.watch.[].target":          more(rule, "target: /a"),
		"services.*.develop.watch.[].ignore":          more(rule, "ignore: [x]"),
		"services.*.develop.watch.[].include":         more(rule, "include: [x]"),
		"services.*.develop.watch.[].initial_sync":    more(syncRule, "initial_sync: true"),
		"services.*.develop.watch.[].exec":            {strings.Replace(execRule, "%s", "a", 1), strings.Replace(execRule, "%s", "b", 1)},
		"services.*.volumes":                          svc("volumes: [\"./a:/a\"]"),
		"services.*.volumes.[].type":                  {"volumes: [{type: volume, target: /a}]", "volumes: [{type: tmpfs, target: /a}]"},
		"services.*.volumes.[].source":                {"volumes: [\"./a:/a\"]", "volumes: [\"./b:/a\"]"},
		"services.*.volumes.[].target":                {"volumes: [\"./a:/a\"]", "volumes: [\"./a:/b\"]"},
		"services.*.volumes.[].read_only":             more(mount, "read_only: true"),
		"services.*.volumes.[].bind":                  more(mount, "bind: {create_host_path: false}"),
		"services.*.volumes.[].bind.create_host_path": more(mount, "bind: {create_host_path: false}"),
		"services.*.volumes.[].tmpfs":                 more(tmp, "tmpfs: {size: 1m}"),
		"services.*.volumes.[].tmpfs.size":            more(tmp, "tmpfs: {size: 1m}"),
		"services.*.volumes.[].tmpfs.mode":            more(tmp, "tmpfs: {mode: 0o700}"),
		"services.*.deploy":                           svc("deploy: {replicas: 2}"),
		"services.*.deploy.replicas":                  svc("deploy: {replicas: 2}"),

		"configs":                      files("configs", "{}", "content: x"),
		"configs.*":                    files("configs", "{}", "content: x"),
		"configs.*.content":            files("configs", "content: x", "content: y"),
		"configs.*.file":               files("configs", "content: x", "file: a.env"),
		"configs.*.environment":        files("configs", "content: x", "environment: COMPOSE_PROJECT_NAME"),
		"secrets":                      files("secrets", "{}", "file: a.env"),
		"secrets.*":                    files("secrets", "{}", "file: a.env"),
		"secrets.*.file":               files("secrets", "file: a.env", "file: b.env"),
		"secrets.*.environment":        files("secrets", "file: a.env", "environment: COMPOSE_PROJECT_NAME"),
		"services.*.configs":           granted("configs", "", "c"),
		"services.*.configs.[].source": granted("configs", "", "{source: c}"),
		"services.*.configs.[].target": granted("configs", "{source: c}", "{source: c, target: /etc/c}"),
		"services.*.configs.[].uid":    granted("configs", "{source: c}", "{source: c, uid: \"5\"}"),
		"services.*.configs.[].gid":    granted("configs", "{source: c}", "{source: c, gid: \"5\"}"),
		"services.*.configs.[].mode":   granted("configs", "{source: c}", "{source: c, mode: 0o400}"),
		"services.*.secrets":           granted("secrets", "", "c"),
		"services.*.secrets.[].source": granted("secrets", "", "{source: c}"),
		"services.*.secrets.[].target": granted("secrets", "{source: c}", "{source: c, target: other}"),
		"services.*.secrets.[].uid":    granted("secrets", "{source: c}", "{source: c, uid: \"5\"}"),
		"services.*.secrets.[].gid":    granted("secrets", "{source: c}", "{source: c, gid: \"5\"}"),
		"services.*.secrets.[].mode":   granted("secrets", "{source: c}", "{source: c, mode: 0o400}"),

		"networks.*.driver_opts":                            {netB + "{}\n", netB + "{driver_opts: {com.docker.network.driver.mtu: \"1400\"}}\n"},
		"networks.*.driver":                                 {netB + opts("bridge", ""), netB + opts("macvlan", "parent: eth9")},
		"networks.*.enable_ipv4":                            {netB + "{enable_ipv6: true}\n", netB + "{enable_ipv6: true, enable_ipv4: false}\n"},
		"networks.*.enable_ipv6":                            {netB + "{}\n", netB + "{enable_ipv6: true}\n"},
		"networks.*.ipam.config.[].ip_range":                {netB + "{ipam: {config: [{subnet: 10.9.0.0/24}]}}\n", netB + "{ipam: {config: [{subnet: 10.9.0.0/24, ip_range: 10.9.0.64/26}]}}\n"},
		"networks.*.ipam.config.[].aux_addresses":           {netB + "{ipam: {config: [{subnet: 10.9.0.0/24}]}}\n", netB + "{ipam: {config: [{subnet: 10.9.0.0/24, aux_addresses: {printer: 10.9.0.5}}]}}\n"},
		"services.*.networks.*.ipv6_address":                {twoA, "services:\n  web: {image: x, networks: {n: {ipv6_address: \"fd00:9::7\"}}}\nnetworks:\n  n: {enable_ipv6: true, ipam: {config: [{subnet: \"fd00:9::/64\"}]}}\n"},
		"services.*.networks.*.link_local_ips":              svc("networks: {default: {link_local_ips: [169.254.8.8]}}"),
		"services.*.networks.*.interface_name":              svc("networks: {default: {interface_name: front0}}"),
		"services.*.networks.*.driver_opts":                 svc("networks: {default: {driver_opts: {com.docker.network.endpoint.ifname: front0}}}"),
		"services.*.networks.*.use_service_name_alias":      svc("networks: {default: {use_service_name_alias: false}}"),
		"networks.*.internal":                               {netB + "{}\n", netB + "{internal: true}\n"},
		"networks.*.labels":                                 {netB + "{}\n", netB + "{labels: {a: b}}\n"},
		"networks.*.ipam":                                   {netB + "{}\n", netB + "{ipam: {config: [{subnet: 10.9.0.0/24}]}}\n"},
		"networks.*.ipam.config":                            {netB + "{}\n", netB + "{ipam: {config: [{subnet: 10.9.0.0/24}]}}\n"},
		"networks.*.ipam.config.[].subnet":                  {netB + "{}\n", netB + "{ipam: {config: [{subnet: 10.9.0.0/24}]}}\n"},
		"networks.*.ipam.config.[].gateway":                 {netB + "{ipam: {config: [{subnet: 10.9.0.0/24}]}}\n", netB + "{ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.9}]}}\n"},
		"services.*.post_start":                             svc("post_start: [{command: touch /x}]"),
		"services.*.pre_stop":                               svc("pre_stop: [{command: touch /x}]"),
		"services.*.depends_on.*.restart":                   more(dep2, "restart: true"),
		"services.*.links":                                  svc("links: [\"b:other\"]"),
		"services.*.external_links":                         svc("external_links: [\"shop-db-1:other\"]"),
		"services.*.volumes_from":                           {twoB, "services:\n  web: {image: x, volumes: [/a]}\n  b: {image: x, volumes_from: [web]}\n"},
		"services.*.mac_address":                            svc("mac_address: 02:00:00:00:00:09"),
		"services.*.networks.*.mac_address":                 svc("networks: {default: {mac_address: \"02:00:00:00:00:09\"}}"),
		"services.*.networks.*.priority":                    svc("networks: {default: {priority: 9}}"),
		"services.*.networks.*.gw_priority":                 svc("networks: {default: {gw_priority: 9}}"),
		"services.*.networks.*.ipv4_address":                {twoA, "services:\n  web: {image: x, networks: {n: {ipv4_address: 10.9.0.7}}}\nnetworks:\n  n: {ipam: {config: [{subnet: 10.9.0.0/24}]}}\n"},
		"services.*.label_file":                             svc("label_file: a.env"),
		"services.*.pull_policy":                            svc("pull_policy: every_2h"),
		"services.*.platform":                               {"platform: linux/none", ""},
		"services.*.deploy.labels":                          svc("deploy: {labels: {a: b}}"),
		"services.*.deploy.placement":                       {"deploy: {placement: {constraints: [\"node.role!=manager\"]}}", "deploy: {placement: {constraints: [\"node.role==manager\"]}}"},
		"services.*.deploy.placement.constraints":           {"deploy: {placement: {constraints: [\"node.role!=manager\"]}}", "deploy: {placement: {constraints: [\"node.role==manager\"]}}"},
		"services.*.deploy.placement.max_replicas_per_node": {"deploy: {replicas: 2, placement: {max_replicas_per_node: 1}}", "deploy: {replicas: 2, placement: {max_replicas_per_node: 2}}"},
		"services.*.deploy.restart_policy":                  svc("deploy: {restart_policy: {condition: any, delay: 1s}}"),
		"services.*.deploy.rollback_config":                 svc("deploy: {rollback_config: {order: stop-first}}"),
		"services.*.deploy.update_config":                   svc("deploy: {update_config: {parallelism: 2}}"),
		"services.*.volumes.[].bind.propagation":            more(mount, "bind: {propagation: rshared}"),
		"services.*.volumes.[].bind.recursive":              more(mount, "bind: {recursive: disabled}"),
		"services.*.volumes.[].volume":                      more(vol, "volume: {nocopy: true}"),
		"services.*.volumes.[].image":                       {"volumes: [{type: image, source: y, target: /a}]", "volumes: [{type: image, source: y, target: /a, image: {subpath: b}}]"},
		"services.*.volumes.[].image.subpath":               {"volumes: [{type: image, source: y, target: /a}]", "volumes: [{type: image, source: y, target: /a, image: {subpath: b}}]"},
		"services.*.volumes.[].volume.nocopy":               more(vol, "volume: {nocopy: true}"),
		"services.*.volumes.[].volume.subpath":              more(vol, "volume: {subpath: a/b}"),

		"services.*.pre_start":                svc("pre_start: [{command: [\"true\"]}]"),
		"services.*.pre_start.[].per_replica": {"pre_start: [{command: [\"true\"]}]", "pre_start: [{command: [\"true\"], per_replica: true}]"},
		"jobs":                                {twoA, twoA + "jobs:\n  j: {image: x, triggers: {manual: true}}\n"},
		"jobs.*":                              {twoA, twoA + "jobs:\n  j: {image: x, triggers: {manual: true}}\n"},
		"jobs.*.triggers":                     {twoA, twoA + "jobs:\n  j: {image: x, triggers: {manual: true}}\n"},
		"jobs.*.triggers.manual":              {twoA + "jobs:\n  j: {image: x, triggers: {manual: true}}\n", twoA + "jobs:\n  j: {image: x, triggers: {manual: false}}\n"},
		"services.*.provider":                 {"image: y", twoA + "  c: {provider: {type: model}}\n"},
		"services.*.provider.type":            {twoA + "  c: {provider: {type: model}}\n", twoA + "  c: {provider: {type: other}}\n"},
		"services.*.provider.options":         {twoA + "  c: {provider: {type: model}}\n", twoA + "  c: {provider: {type: model, options: {a: b}}}\n"},
		"services.*.gpus":                     svc("gpus: all"),
		"services.*.umask":                    svc("umask: \"0\""),
		"services.*.runtime":                  svc("runtime: crun"),
		"services.*.cgroup_parent":            svc("cgroup_parent: some/group"),
		"services.*.pull_refresh_after":       {"pull_policy: daily", "pull_policy: refresh\n    pull_refresh_after: 3h"},
		"services.*.deploy.resources.reservations.devices": svc("deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}"),
		"configs.*.external":                              files("configs", "content: x", "external: true"),
		"secrets.*.external":                              files("secrets", "file: a.env", "external: true"),
		"services.*.privileged":                           svc("privileged: true"),
		"services.*.cap_add":                              svc("cap_add: [net_admin]"),
		"services.*.cap_drop":                             svc("cap_drop: [ALL]"),
		"services.*.security_opt":                         svc("security_opt: [\"no-new-privileges:true\"]"),
		"services.*.sysctls":                              svc("sysctls: {net.core.somaxconn: 1024}"),
		"services.*.ulimits":                              svc("ulimits: {nofile: {soft: 10, hard: 20}}"),
		"services.*.shm_size":                             svc("shm_size: 1m"),
		"services.*.devices":                              svc("devices: [\"/dev/null:/dev/nothing:r\"]"),
		"services.*.device_cgroup_rules":                  svc("device_cgroup_rules: [\"c 1:3 rwm\"]"),
		"services.*.group_add":                            svc("group_add: [mail]"),
		"services.*.ipc":                                  svc("ipc: host"),
		"services.*.pid":                                  svc("pid: host"),
		"services.*.uts":                                  svc("uts: host"),
		"services.*.cgroup":                               svc("cgroup: host"),
		"services.*.domainname":                           svc("domainname: example.test"),
		"services.*.extra_hosts":                          svc("extra_hosts: [\"gate:host-gateway\"]"),
		"services.*.dns":                                  svc("dns: 192.0.2.1"),
		"services.*.dns_opt":                              svc("dns_opt: [\"ndots:2\"]"),
		"services.*.dns_search":                           svc("dns_search: example.test"),
		"services.*.tty":                                  svc("tty: true"),
		"services.*.stdin_open":                           svc("stdin_open: true"),
		"services.*.oom_score_adj":                        svc("oom_score_adj: 100"),
		"services.*.annotations":                          svc("annotations: {a: b}"),
		"services.*.logging":                              svc("logging: {options: {max-size: 1m}}"),
		"services.*.logging.driver":                       {"logging: {driver: syslog, options: {max-size: 1m}}", "logging: {driver: local, options: {max-size: 1m}}"},
		"services.*.logging.options":                      svc("logging: {options: {max-file: \"2\"}}"),
		"services.*.attach":                               svc("attach: false"),
		"services.*.network_mode":                         svc("network_mode: host"),
		"services.*.cpus":                                 svc("cpus: 0.5"),
		"services.*.cpuset":                               svc("cpuset: \"0\""),
		"services.*.cpu_shares":                           svc("cpu_shares: 512"),
		"services.*.cpu_period":                           svc("cpu_period: 50000"),
		"services.*.cpu_quota":                            svc("cpu_quota: 25000"),
		"services.*.cpu_rt_period":                        svc("cpu_rt_period: 50000"),
		"services.*.cpu_rt_runtime":                       svc("cpu_rt_runtime: 25000"),
		"services.*.mem_limit":                            svc("mem_limit: 64m"),
		"services.*.mem_reservation":                      svc("mem_reservation: 32m"),
		"services.*.memswap_limit":                        svc("memswap_limit: 128m"),
		"services.*.storage_opt":                          svc("storage_opt: {size: 1g}"),
		"services.*.mem_swappiness":                       svc("mem_swappiness: 10"),
		"services.*.oom_kill_disable":                     svc("oom_kill_disable: true"),
		"services.*.pids_limit":                           svc("pids_limit: 10"),
		"services.*.blkio_config":                         svc("blkio_config: {weight: 300}"),
		"services.*.deploy.resources":                     svc("deploy: {resources: {limits: {cpus: \"0.5\"}}}"),
		"services.*.deploy.resources.limits":              svc("deploy: {resources: {limits: {cpus: \"0.5\"}}}"),
		"services.*.deploy.resources.limits.cpus":         svc("deploy: {resources: {limits: {cpus: \"0.5\"}}}"),
		"services.*.deploy.resources.limits.memory":       svc("deploy: {resources: {limits: {memory: 64m}}}"),
		"services.*.deploy.resources.limits.pids":         svc("deploy: {resources: {limits: {pids: 10}}}"),
		"services.*.deploy.resources.reservations":        svc("deploy: {resources: {reservations: {cpus: \"0.5\"}}}"),
		"services.*.deploy.resources.reservations.cpus":   svc("deploy: {resources: {reservations: {cpus: \"0.5\"}}}"),
		"services.*.deploy.resources.reservations.memory": svc("deploy: {resources: {reservations: {memory: 64m}}}"),
	}
}

// TestHonouredPropertiesChangeTheStack: with and without an honoured attribute
// the stacks differ, or one of them is refused; else the row says why not.
func TestHonouredPropertiesChangeTheStack(t *testing.T) {
	all := samples()
	maps.Copy(all, buildSamples())
	maps.Copy(all, modelSamples())
	for _, row := range supportTable() {
		s, ok := all[row.path]
		delete(all, row.path)
		switch {
		case row.refused && ok:
			t.Errorf("%s: refused, yet it has a sample", row.path)
		case row.refused || row.same != "":
			continue
		case !ok:
			t.Errorf("%s: honoured without a sample that shows it", row.path)
			continue
		}
		dir := filepath.Join(t.TempDir(), "demo")
		before, err1 := loadSample(t, dir, s.without)
		after, err2 := loadSample(t, dir, s.with)
		if err2 != nil {
			t.Errorf("%s: %v", row.path, err2)
		} else if err1 == nil && cmp.Equal(before, after) {
			t.Errorf("%s: makes no difference\n%s", row.path, s.with)
		}
	}
	for path := range all {
		t.Errorf("%s: a sample for no row", path)
	}
}

func loadSample(t *testing.T, dir, text string) (*Stack, error) {
	t.Helper()
	if !strings.Contains(text, "services:") {
		if !strings.HasPrefix(text, "image:") {
			text = "image: x\n    " + text
		}
		text = "services:\n  b: {image: x}\n  web:\n    " + text + "\n"
	}
	for name, content := range map[string]string{"stack.yaml": text, "a.env": "A=\"b\"\n", "b.env": "B=c\n"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []string{"configs", "secrets"} {
		if err := os.MkdirAll(filepath.Join(dir, "store", kind), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "store", kind, "c"), []byte("kept"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(t.Context(), Options{
		WorkingDir: dir, Store: filepath.Join(dir, "store"), Environ: []string{"STACKUP_MODEL_RUNNER=http://192.0.2.1/v1"},
	})
}

// modelSamples are of rows that hold where a model runner is configured.
func modelSamples() map[string]sample {
	one := func(model, use string) string {
		return "services:\n  web: {image: x, models: {m: " + use + "}}\nmodels: {m: " + model + "}\n"
	}
	plain := one("{model: a}", "{}")
	return map[string]sample{
		"models.*":                         {"services:\n  web: {image: x}\n", plain},
		"models.*.model":                   {plain, one("{model: b}", "{}")},
		"services.*.models.*":              {"services:\n  web: {image: x}\nmodels: {m: {model: a}}\n", plain},
		"services.*.models.*.endpoint_var": {plain, one("{model: a}", "{endpoint_var: E}")},
		"services.*.models.*.model_var":    {plain, one("{model: a}", "{model_var: E}")},
	}
}
