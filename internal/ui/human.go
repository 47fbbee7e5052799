package ui

import (
	"fmt"
	"time"
)

// Size writes bytes the way container tools do: decimal units, three digits
// or so ("12.3MB").
func Size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%dB", max(n, 0))
	}
	v, unit := float64(n)/1000, 0
	for v >= 999.5 && unit < 4 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.3g%cB", v, "kMGTP"[unit])
}

// Ago writes a span in its largest whole unit ("3 minutes"). Spans below a
// second, and clocks that ran backwards, are "less than a second".
func Ago(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		size time.Duration
		from time.Duration
		name string
	}{
		{365 * day, 2 * 365 * day, "year"},
		{30 * day, 60 * day, "month"},
		{7 * day, 14 * day, "week"},
		{day, 2 * day, "day"},
		{time.Hour, time.Hour, "hour"},
		{time.Minute, time.Minute, "minute"},
		{time.Second, time.Second, "second"},
	} {
		if d >= u.from {
			return Count(int(d/u.size), u.name)
		}
	}
	return "less than a second"
}

// seconds writes an elapsed time for a progress line ("0.4s", "2m05s").
func seconds(d time.Duration) string {
	d = max(d, 0)
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	}
	if d < time.Hour {
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// Count writes a number with its noun ("1 network", "2 networks").
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
