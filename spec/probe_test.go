package spec_test

import (
	"strings"
	"testing"

	"stackup.dev/stackup/spec"
)

func TestProbe(t *testing.T) {
	for text, want := range map[string]spec.Probe{
		"{http: \"http://localhost/x\"}": {HTTP: "http://127.0.0.1:80/x"},
		"{http: \"https://[::1]:8443\"}": {HTTP: "https://[::1]:8443"},
		"{tcp: 5432}":                    {TCP: "127.0.0.1:5432"},
		"{tcp: \"10.0.0.1:1\"}":          {TCP: "10.0.0.1:1"},
		"{log: ready$$}":                 {Log: "ready$"},
	} {
		s, err := load(t, "services:\n  a: {image: x, healthcheck: {interval: 1s}, x-stackup: {probe: "+text+", restart_unhealthy: true}}\n")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if a := s.Service("a"); a.Healthcheck.Probe != want || a.Healthcheck.Interval == 0 || !a.Restart.Unhealthy {
			t.Errorf("%s: %+v %+v", text, a.Healthcheck, a.Restart)
		}
	}
	for text, want := range map[string]string{
		"x-stackup: {probe: {tcp: 0}}":                                "x-stackup.probe.tcp",
		"x-stackup: {probe: {http: \"http://example.com/\"}}":         "x-stackup.probe.http",
		"x-stackup: {probe: {log: \"(\"}}":                            "x-stackup.probe.log",
		"x-stackup: {probe: {tcp: 1, log: x}}":                        "must be one of http, tcp and log",
		"x-stackup: {probe: {tcp: 1}}, healthcheck: {test: \"true\"}": "healthcheck says how to probe already",
		"x-stackup: {restart_unhealthy: 3}":                           "must be true or false",
	} {
		if _, err := load(t, "services:\n  a: {image: x, "+text+"}\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
