package spec

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestValuesRefused: what the library lets through and the kernel would not.
func TestValuesRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	for with, want := range map[string]string{
		"blkio_config: {weight_device: [{path: /dev/sda, weight: 5}]}":                "blkio_config.weight_device: 5 is not between 10 and 1000",
		"blkio_config: {device_read_bps: [{path: sda, rate: 1}]}":                     `blkio_config.device_read_bps: "sda" at 1 is not a device's absolute path at a rate`,
		"volumes: [{type: bind, source: /a, target: /b, bind: {propagation: never}}]": `bind.propagation: "never" is not private, shared or slave`,
		"logging: {options: {max-file: 3x}}":                                          `logging.options.max-file: "3x" is not a number from 1 on`,
		"logging: {options: {max-file: \"-1\"}}":                                      `logging.options.max-file: "-1" is not a number from 1 on`,
		"network_mode: none\n    mac_address: 02:42:ac:11:00:03":                      "mac_address: it is on no network",
	} {
		if _, err := loadSample(t, dir, with); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", with, err, want)
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
