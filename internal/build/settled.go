package build

import "time"

// tick is the coarsest step in which file systems here count time. A file that
// was written within it may be written again without its times showing it.
const tick = 20 * time.Millisecond

// settled says whether every write to these files since begun shows in their
// inodes.
func settled(entries []entry, begun time.Time) bool {
	limit := begun.Add(-tick)
	for _, e := range entries {
		if time.Unix(e.stat.Ctim.Sec, e.stat.Ctim.Nsec).After(limit) {
			return false
		}
	}
	return true
}
