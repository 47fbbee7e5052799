package ui

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestStatsForms(t *testing.T) {
	rows := []StatsRow{
		{ID: "shop-web-1-g1", Name: "shop-web-1", Known: true, CPU: 12.345, Memory: 3 << 20, Limit: 64 << 20, Received: 1500, Sent: 2, Read: 4096, PIDs: 3},
		{ID: "x", Name: "off\x1b"},
	}
	for format, want := range map[string]string{
		"table": "CONTAINER ID    NAME         CPU %    MEM USAGE / LIMIT   MEM %   NET I/O      BLOCK I/O    PIDS\n" +
			"shop-web-1-g1   shop-web-1   12.35%   3MiB / 64MiB        4.69%   1.5kB / 2B   4.1kB / 0B   3\n",
		"json": `{"BlockIO":"4.1kB / 0B","CPUPerc":"12.35%","Container":"shop-web-1-g1","ID":"shop-web-1-g1","MemPerc":"4.69%",` +
			`"MemUsage":"3MiB / 64MiB","Name":"shop-web-1","NetIO":"1.5kB / 2B","PIDs":"3"}` + "\n",
		`table {{.Name}}\t{{.PIDs}}`: "NAME         PIDS\nshop-web-1   3\n",
		"{{.Name}}: {{json .PIDs}}":  "shop-web-1: \"3\"\n",
	} {
		s, err := NewStats(format)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		var b bytes.Buffer
		if err := s.Write(&b, rows[:1]); err != nil {
			t.Error(err)
		}
		if got := b.String(); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", format, got, want)
		}
		b.Reset()
		if err := s.Write(&b, rows[1:]); err != nil || strings.Contains(b.String(), "\x1b") || !strings.Contains(b.String(), "--") {
			t.Errorf("%s, of one that does not run: %v\n%q", format, err, b.String())
		}
	}
	for _, bad := range []string{"{{.Nope}}", "table {{", "{{.Name"} {
		if _, err := NewStats(bad); err == nil || !strings.Contains(err.Error(), "--format") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestTopTable(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.Local)
	var b bytes.Buffer
	err := TopTable(&b, []TopRow{
		{Service: "web", Index: 1, User: "root", PID: 12, PPID: 1, Started: now.Add(-time.Minute), TTY: "?", CPU: 30 * time.Second, Command: "a b"},
		{Service: "web", Index: 2, User: "app", PID: 9, PPID: 1, Started: now.Add(-48 * time.Hour), TTY: "pts/0", CPU: 3723 * time.Second, Command: "d"},
	}, now)
	want := `SERVICE   #   UID    PID   PPID   C    STIME   TTY     TIME       CMD
web       1   root   12    1      50   15:03   ?       00:00:30   a b
web       2   app    9     1      2    Dec31   pts/0   01:02:03   d
`
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, b.String(), want)
	}
}

func TestLs(t *testing.T) {
	rows := []LsRow{{Name: "shop", States: map[string]int{"running": 2, "exited": 1}, Files: "/a,/b"}}
	var b bytes.Buffer
	if err := LsTable(&b, rows); err != nil || b.String() != "NAME   STATUS                  CONFIG FILES\nshop   exited(1), running(2)   /a,/b\n" {
		t.Errorf("%v\n%s", err, b.String())
	}
	b.Reset()
	if err := LsJSON(&b, nil); err != nil || b.String() != "[]\n" {
		t.Errorf("%v %s", err, b.String())
	}
}
