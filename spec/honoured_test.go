package spec

import (
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

// samples has one entry per honoured row that a Stack shows.
func samples() map[string]sample {
	const port, mount, health = "ports: [{target: 80%s}]", "volumes: [{type: bind, source: ./a, target: /a%s}]", "healthcheck: {test: [CMD, \"true\"]%s}"
	const tmp, rule = "volumes: [{type: tmpfs, target: /a%s}]", "develop: {watch: [{path: ./a, action: rebuild%s}]}"
	more := func(format, extra string) sample {
		return sample{strings.Replace(format, "%s", "", 1), strings.Replace(format, "%s", ", "+extra, 1)}
	}
	const twoA, twoB = "services:\n  web: {image: x}\n", "services:\n  web: {image: x}\n  b: {image: x}\n"
	netB := "services:\n  web: {image: x, networks: [n]}\nnetworks:\n  n: "
	volB := "services:\n  web: {image: x, volumes: [\"vol:/n\"]}\nvolumes:\n  vol: "
	dep := "services:\n  b: {image: x, profiles: [p]}\n  web: {image: x, depends_on: {b: {condition: service_started%s}}}\n"
	return map[string]sample{
		"name":       {twoA, "name: other\n" + twoA},
		"services":   {twoA, twoB},
		"services.*": {twoA, twoB},
		"networks":   {twoA, netB + "{}\n"},
		"networks.*": {twoA, netB + "{}\n"}, "networks.*.name": {netB + "{}\n", netB + "{name: o}\n"},
		"networks.*.external": {netB + "{}\n", netB + "{external: true}\n"},
		"volumes":             {twoA, volB + "{}\n"},
		"volumes.*":           {twoA, volB + "{}\n"}, "volumes.*.name": {volB + "{}\n", volB + "{name: o}\n"},
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
	}
}

// TestHonouredPropertiesChangeTheStack: with and without an honoured attribute
// the stacks differ, or one of them is refused; else the row says why not.
func TestHonouredPropertiesChangeTheStack(t *testing.T) {
	all := samples()
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
	return Load(t.Context(), Options{WorkingDir: dir})
}
