package logs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	at := time.Date(2026, 5, 1, 10, 0, 0, 42, time.UTC)
	tests := []struct {
		name, line string
		want       Record
		bad        bool
	}{
		{"full", "2026-05-01T10:00:00.000000042Z stdout F hello\n", Record{at, Stdout, false, []byte("hello")}, false},
		{"partial", "2026-05-01T10:00:00.000000042Z stderr P a b", Record{at, Stderr, true, []byte("a b")}, false},
		{"empty text", "2026-05-01T10:00:00.000000042Z stdout F \n", Record{at, Stdout, false, []byte{}}, false},
		{"other bytes", "2026-05-01T10:00:00.000000042Z stdout F \x00\r\xff\n", Record{at, Stdout, false, []byte("\x00\r\xff")}, false},
		{"empty", "", Record{}, true},
		{"no text", "2026-05-01T10:00:00.000000042Z stdout F", Record{}, true},
		{"bad tag", "2026-05-01T10:00:00.000000042Z stdout X hello", Record{}, true},
		{"bad stream", "2026-05-01T10:00:00.000000042Z stdin F hello", Record{}, true},
		{"bad time", "yesterdayZ stdout F hello", Record{}, true},
		{"local time", "2026-05-01T10:00:00+02:00 stdout F hello", Record{}, true},
		{"two lines", "2026-05-01T10:00:00Z stdout F a\nb\n", Record{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse([]byte(tt.line))
			if (err != nil) != tt.bad {
				t.Fatalf("error %v, want one: %t", err, tt.bad)
			}
			if diff := cmp.Diff(tt.want, got); !tt.bad && diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

// What parses is written and parsed again to the same record.
func FuzzParse(f *testing.F) {
	f.Add([]byte("2026-05-01T10:00:00.000000042Z stdout F hello\n"))
	f.Add([]byte("2026-05-01T10:00:00Z stderr P \x1b[31m"))
	f.Add([]byte("2026-05-01T10:00:00,5Z stderr P  F \n\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := Parse(line)
		if err != nil {
			return
		}
		again, err := Parse(r.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Errorf("second reading (-first +second):\n%s", diff)
		}
	})
}

func TestSplit(t *testing.T) {
	long := strings.Repeat("x", MaxText)
	tests := []struct {
		name, raw string
		limit     int
		flush     bool
		want      []string
		taken     int
		lines     int
	}{
		{"lines", "a\n\nb\n", 1 << 20, false, []string{"F a", "F ", "F b"}, 5, 3},
		{"unfinished waits", "a\nb", 1 << 20, false, []string{"F a"}, 2, 1},
		{"unfinished flushed", "a\nb", 1 << 20, true, []string{"F a", "P b"}, 3, 1},
		{"exactly the longest", long + "\n", 1 << 20, false, []string{"F " + long}, MaxText + 1, 1},
		{"longest may still end", long, 1 << 20, false, nil, 0, 0},
		{"one too long", long + "x\n", 1 << 20, false, []string{"P " + long, "F x"}, MaxText + 2, 1},
		{"limit", "a\nb\nc\n", 1, false, []string{"F a"}, 2, 1},
		{"nothing", "", 1 << 20, true, nil, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := split(nil, []byte(tt.raw), time.Unix(0, 0), Stdout, tt.limit, tt.flush)
			var got []string
			for line := range strings.Lines(string(b.out)) {
				r, err := Parse([]byte(line))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, map[bool]string{true: "P ", false: "F "}[r.Partial]+string(r.Text))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if b.taken != tt.taken || b.lines != tt.lines {
				t.Errorf("taken %d, lines %d, want %d, %d", b.taken, b.lines, tt.taken, tt.lines)
			}
		})
	}
}
