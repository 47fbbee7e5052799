package ui

import (
	"testing"
	"time"
)

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "0B", 0: "0B", 999: "999B", 1000: "1kB", 12_345: "12.3kB", 999_600: "1MB",
		104_000_000: "104MB", 2_000_000_000: "2GB", 9_000_000_000_000_000_000: "9e+03PB",
	} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		-time.Hour:       "less than a second",
		0:                "less than a second",
		time.Second:      "1 second",
		59 * time.Second: "59 seconds",
		time.Minute:      "1 minute",
		90 * time.Minute: "1 hour",
		47 * time.Hour:   "47 hours",
		2 * day:          "2 days",
		14 * day:         "2 weeks",
		60 * day:         "2 months",
		3 * 365 * day:    "3 years",
	} {
		if got := Ago(d); got != want {
			t.Errorf("Ago(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:             "0.0s",
		449 * time.Millisecond:   "0.4s",
		59990 * time.Millisecond: "59.9s",
		125 * time.Second:        "2m05s",
		61 * time.Minute:         "1h01m",
	} {
		if got := seconds(d); got != want {
			t.Errorf("seconds(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestGraceText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		10 * time.Second: "10s", 2 * time.Minute: "2m", time.Hour: "1h",
		90 * time.Second: "1m30s", 10 * time.Minute: "10m", 20*time.Hour + time.Second: "20h0m1s",
	} {
		if got := graceText(d); got != want {
			t.Errorf("graceText(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"web", 3, "web"},
		{"webs", 3, "we…"},
		{"名前です", 5, "名前…"},
		{"名前です", 4, "名…"},
		{"e\u0301e\u0301", 2, "e\u0301e\u0301"},
		{"web", 0, ""},
	} {
		if got := cut(c.in, c.limit); got != c.want || columns(got) > c.limit {
			t.Errorf("cut(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}
