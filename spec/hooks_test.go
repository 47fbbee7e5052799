package spec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

// TestHooksAreServices: what a hook says, inherits and cannot have.
func TestHooksAreServices(t *testing.T) {
	s, err := load(t, `services:
  db: {image: x}
  web:
    image: x
    environment: [HOOK_TOKEN]
    networks: {back: {ipv4_address: 10.9.0.7, mac_address: "02:00:00:00:00:07"}}
    volumes_from: [db]
    pre_start:
      - {command: a, environment: {B: c}}
      - {command: b, network_mode: none}
      - {command: c, pid: "service:db", volumes: ["/own"]}
  built: {build: ., pull_policy: build, platform: linux/amd64, pre_start: [{command: d}]}
  hosted: {image: x, network_mode: host, pre_start: [{command: e, networks: [back]}]}
jobs:
  j: {image: x, volumes_from: [web], environment: {A: b}, triggers: {manual: true}}
networks: {back: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}
`)
	if err != nil {
		t.Fatal(err)
	}
	web := s.Service("web")
	first, alone, pid := web.PreStart[0].Service, web.PreStart[1].Service, web.PreStart[2].Service
	if diff := cmp.Diff([]spec.Attachment{{Network: "back"}}, first.Networks); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]spec.Pair{{Name: "B", Value: "c"}}, first.Environment); diff != "" {
		t.Error(diff)
	}
	if alone.NetworkMode != spec.NetworkNone || len(alone.Networks) > 0 {
		t.Errorf("mode %q, networks %v", alone.NetworkMode, alone.Networks)
	}
	if len(pid.Mounts) != 1 || len(web.DependsOn) != 1 || web.DependsOn[0].Service != "db" {
		t.Errorf("mounts %v, depends on %v", pid.Mounts, web.DependsOn)
	}
	if h := s.Service("hosted").PreStart[0].Service; h.NetworkMode != "" || len(h.Networks) != 1 {
		t.Errorf("mode %q, networks %v", h.NetworkMode, h.Networks)
	}
}

func TestHooksAndOthersRefused(t *testing.T) {
	for text, want := range map[string]string{
		"web: {image: x, pre_start: [{network_mode: \"service:web\"}]}":                                   "a service cannot share its own",
		"web: {image: x, pre_start: [{env_file: ../x.env}]}":                                              "services.web.pre_start[0].env_file[0]: ",
		"db: {provider: {type: p}}\n  web: {image: x, network_mode: \"service:db\"}":                      "service db has a provider",
		"db: {provider: {type: p}, environment: {A: b}, ports: [\"80\"]}":                                 "services.db.ports: a service with a provider is no container",
		"web: {image: x, scale: 3, deploy: {mode: global}}":                                               "deploy.mode: mode global is one container",
		"web: {image: x}\njobs:\n  j: {image: x, triggers: {manual: true}, ports: [\"1-60000:1-60000\"]}": "more than 1024 published ports",
		"web: {image: x}\njobs:\n  j: {image: x, triggers: {manual: true}, networks: {default: {ipv4_address: 10.9.0.3}}}\nnetworks: {default: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}": "containers of a job take free addresses",
	} {
		_, err := load(t, "services:\n  "+text+"\n")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
