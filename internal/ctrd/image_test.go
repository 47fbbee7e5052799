package ctrd

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

func TestParseImage(t *testing.T) {
	config := func(health string) string {
		return `{"os":"linux","architecture":"amd64","config":{"User":"app","Env":["A=1"],"Entrypoint":["/e"],"Cmd":["c"],` +
			`"WorkingDir":"/w","StopSignal":"SIGQUIT"` + health + `},"rootfs":{"type":"layers","diff_ids":["sha256:` + strings.Repeat("1", 64) + `"]}}`
	}
	tests := []struct {
		name, health string
		want         *spec.Healthcheck
	}{
		{"no healthcheck", "", nil},
		{"null", `,"Healthcheck":null`, nil},
		{"inherited from the base image", `,"Healthcheck":{"Interval":1000000000}`, nil},
		{"switched off", `,"Healthcheck":{"Test":["NONE"]}`, &spec.Healthcheck{Test: []string{"NONE"}, Disable: true}},
		{
			"all of it",
			`,"Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":1000000000,"Timeout":2000000000,"StartPeriod":3000000000,"StartInterval":4000000000,"Retries":5}`,
			&spec.Healthcheck{
				Test: []string{"CMD-SHELL", "true"}, Interval: spec.Duration(time.Second), Timeout: spec.Duration(2 * time.Second),
				StartPeriod: spec.Duration(3 * time.Second), StartInterval: spec.Duration(4 * time.Second), Retries: 5,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseImage([]byte(config(tt.health)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.health); diff != "" {
				t.Errorf("health (-want +got):\n%s", diff)
			}
			c := got.config
			said := fmt.Sprint(c.User, c.Env, c.Entrypoint, c.Cmd, c.WorkingDir, c.StopSignal)
			if want := "app[A=1] [/e] [c]/wSIGQUIT"; said != want {
				t.Errorf("config %q, want %q", said, want)
			}
			if want := "sha256:" + strings.Repeat("1", 64); got.chainID != want { // of one layer: the layer's own
				t.Errorf("chain ID %s, want %s", got.chainID, want)
			}
		})
	}
}

func TestParseImageRefusesDamage(t *testing.T) {
	for _, in := range []string{"", "{", `{"config":{"Healthcheck":{"Test":"x"}}}`, `{"config":{"Env":1}}`} {
		if got, err := parseImage([]byte(in)); err == nil {
			t.Errorf("%q was taken: %+v", in, got)
		}
	}
}

// Compose Specification, "healthcheck": the file overrides the image's; what
// has no test of its own only changes its timings.
func TestEffectiveHealth(t *testing.T) {
	img := &spec.Healthcheck{Test: []string{"CMD", "image"}, Retries: 9}
	own := &spec.Healthcheck{Test: []string{"CMD", "file"}}
	off := &spec.Healthcheck{Disable: true}
	timings := &spec.Healthcheck{Retries: 1}
	tests := []struct {
		name            string
		file, img, want *spec.Healthcheck
	}{
		{"neither", nil, nil, nil},
		{"image only", nil, img, img},
		{"file only", own, nil, own},
		{"file over image", own, img, own},
		{"switched off by the file", off, img, off},
		{"timings over the image's test", timings, img, &spec.Healthcheck{Test: []string{"CMD", "image"}, Retries: 1}},
		{"timings without any test", timings, nil, timings},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, effectiveHealth(tt.file, tt.img)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if timings.Test != nil {
		t.Error("the file's healthcheck was written to")
	}
}

func TestWhyNot(t *testing.T) {
	gone := whyNot("nginx", fmt.Errorf("resolve: %w", errdefs.ErrNotFound))
	if !strings.Contains(gone, "the registry does not have it") {
		t.Error(gone)
	}
	offline := whyNot("nginx", errors.New("no route to host"))
	if !strings.Contains(offline, "no route to host") || !strings.Contains(offline, "stackup images load") {
		t.Error(offline)
	}
}
