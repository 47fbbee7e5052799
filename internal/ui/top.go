package ui

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// TopRow is one process as top lists it.
type TopRow struct {
	Service string
	Index   int // replica
	User    string
	PID     int
	PPID    int
	Started time.Time
	TTY     string
	CPU     time.Duration // time on processors so far
	Command string
}

// TopTable writes rows as a table: the columns of ps -ef, as docker compose has them.
func TopTable(w io.Writer, rows []TopRow, now time.Time) error {
	cells := make([][]string, 0, len(rows))
	for _, r := range rows {
		share := 0
		if age := now.Sub(r.Started); age > 0 {
			share = int(100 * r.CPU / age)
		}
		start := r.Started.Local().Format("15:04")
		if now.Sub(r.Started) >= 24*time.Hour {
			start = r.Started.Local().Format("Jan02")
		}
		s := int(r.CPU.Seconds())
		cells = append(cells, []string{
			r.Service, strconv.Itoa(r.Index), r.User, strconv.Itoa(r.PID), strconv.Itoa(r.PPID), strconv.Itoa(share), start, r.TTY,
			fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60), r.Command,
		})
	}
	return table(w, []string{"SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}, cells)
}
