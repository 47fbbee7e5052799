package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func psRows() []PsRow {
	now := epoch()
	return []PsRow{
		{
			Name: "demo-web-1", Image: "docker.io/library/nginx:latest", Project: "demo", Service: "web", Index: 1,
			Command: "/docker-entrypoint.sh nginx -g 'daemon off;'", State: "running", Health: "healthy",
			Created: now.Add(-time.Hour), Started: now.Add(-3 * time.Minute), ID: "demo-web-1-g2", Digest: "sha256:aa",
			Ports: []PsPort{
				{HostIP: "0.0.0.0", Host: 8081, Target: 81, Protocol: "tcp"},
				{HostIP: "0.0.0.0", Host: 8080, Target: 80, Protocol: "tcp"},
				{Target: 443, Protocol: "tcp"},
			},
			Addresses: map[string]string{"demo_front": "10.89.1.2", "demo_back": "10.89.2.2"},
			Labels:    map[string]string{"b": "2", "a": "1"},
		},
		{
			Name: "demo-job-1", Image: "busybox", Project: "demo", Service: "job", Index: 1, Command: "true",
			State: "exited", ExitCode: 1, Restarts: 4, Created: now.Add(-26 * time.Hour), Finished: now.Add(-2 * time.Second),
		},
		{Name: "demo-new-1", Image: "busybox", Service: "new", State: "created", Created: now},
	}
}

func TestPs(t *testing.T) {
	var table, lines bytes.Buffer
	if err := (&Ps{}).Write(&table, psRows(), epoch()); err != nil {
		t.Fatal(err)
	}
	golden(t, "ps.txt", table.String())
	if err := psJSON(&lines, psRows(), epoch()); err != nil {
		t.Fatal(err)
	}
	golden(t, "ps.jsonl", lines.String())
}

func TestPsStatus(t *testing.T) {
	now := epoch()
	for name, c := range map[string]struct {
		row  PsRow
		want string
	}{
		"came back":   {PsRow{State: "running", Restarts: 2, LastExit: 137, Started: now.Add(-3 * time.Minute), Health: "healthy"}, "Up 3 minutes (healthy), 2 restarts, last exit 137"},
		"up":          {PsRow{State: "running", Started: now.Add(-3 * time.Minute)}, "Up 3 minutes"},
		"healthy":     {PsRow{State: "running", Started: now.Add(-time.Hour), Health: "healthy"}, "Up 1 hour (healthy)"},
		"starting":    {PsRow{State: "running", Started: now, Health: "starting"}, "Up less than a second (health: starting)"},
		"start lost":  {PsRow{State: "running"}, "Up"},
		"orphaned":    {PsRow{State: "running", Orphaned: true, Started: now.Add(-time.Hour)}, "Up 1 hour (orphaned)"},
		"paused":      {PsRow{State: "paused", Started: now.Add(-2 * time.Second)}, "Up 2 seconds (Paused)"},
		"exited":      {PsRow{State: "exited", ExitCode: 137, Finished: now.Add(-time.Second)}, "Exited (137) 1 second ago"},
		"end unknown": {PsRow{State: "exited"}, "Exited (0)"},
		"restarting":  {PsRow{State: "restarting", ExitCode: 2, Finished: now.Add(-time.Second)}, "Restarting (2) 1 second ago"},
		"created":     {PsRow{State: "created"}, "Created"},
		"given":       {PsRow{State: "running", Status: "Up, somehow"}, "Up, somehow"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.row.status(now); got != c.want {
				t.Errorf("status %q, want %q", got, c.want)
			}
		})
	}
}

func TestPortsText(t *testing.T) {
	tcp := func(ip string, host, target uint16) PsPort {
		return PsPort{HostIP: ip, Host: host, Target: target, Protocol: "tcp"}
	}
	for name, c := range map[string]struct {
		ports []PsPort
		want  string
	}{
		"none":      {nil, ""},
		"one":       {[]PsPort{tcp("0.0.0.0", 8080, 80)}, "0.0.0.0:8080->80/tcp"},
		"any host":  {[]PsPort{tcp("", 8080, 80)}, "0.0.0.0:8080->80/tcp"},
		"ipv6":      {[]PsPort{tcp("::1", 8080, 80)}, "[::1]:8080->80/tcp"},
		"exposed":   {[]PsPort{tcp("", 0, 80)}, "80/tcp"},
		"range":     {[]PsPort{tcp("", 8082, 82), tcp("", 8080, 80), tcp("", 8081, 81)}, "0.0.0.0:8080-8082->80-82/tcp"},
		"no range":  {[]PsPort{tcp("", 8080, 80), tcp("", 9000, 81)}, "0.0.0.0:8080->80/tcp, 0.0.0.0:9000->81/tcp"},
		"protocols": {[]PsPort{{Target: 53, Host: 53, Protocol: "udp"}, tcp("", 53, 53)}, "0.0.0.0:53->53/tcp, 0.0.0.0:53->53/udp"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := portsText(c.ports); got != c.want {
				t.Errorf("ports %q, want %q", got, c.want)
			}
		})
	}
}

func TestImages(t *testing.T) {
	rows := []ImageRow{
		{Name: "docker.io/library/nginx:latest", Digest: "sha256:0123456789abcdef0123", Platform: "linux/amd64", Size: 72_100_000, Created: epoch().Add(-72 * time.Hour)},
		{Name: "localhost:5000/app", Digest: "sha256:ff", Size: 512},
		{Name: "busybox:1.36@sha256:00", Digest: "sha256:00", Size: 2_000_000_000},
	}
	var table, lines bytes.Buffer
	if err := ImagesTable(&table, rows, epoch()); err != nil {
		t.Fatal(err)
	}
	golden(t, "images.txt", table.String())
	if err := ImagesJSON(&lines, rows); err != nil {
		t.Fatal(err)
	}
	golden(t, "images.jsonl", lines.String())
}

func TestFields(t *testing.T) {
	fields := []Field{
		{Label: "Address", Key: "address", Value: "/run/stackup/containerd.sock"},
		{Label: "PID", Key: "pid", Value: 12},
		{Label: "Running", Key: "running", Value: true},
	}
	var text, doc bytes.Buffer
	if err := FieldsTable(&text, fields); err != nil {
		t.Fatal(err)
	}
	want := "Address:  /run/stackup/containerd.sock\nPID:      12\nRunning:  true\n"
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if err := FieldsJSON(&doc, fields); err != nil {
		t.Fatal(err)
	}
	want = `{"address":"/run/stackup/containerd.sock","pid":12,"running":true}` + "\n"
	if diff := cmp.Diff(want, doc.String()); diff != "" || !json.Valid(doc.Bytes()) {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	err := FieldsJSON(&doc, []Field{{Key: "bad", Value: func() {}}})
	if err == nil || !strings.Contains(err.Error(), "field bad") {
		t.Errorf("error %v, want one that names the field", err)
	}
}

func TestPsByTemplate(t *testing.T) {
	rows := []PsRow{{Name: "shop-web-1", Service: "web", Command: "sh\x1b -c a-command-of-some-length", Ports: []PsPort{{Host: 8080, Target: 80, Protocol: "tcp"}}, ExitCode: 3, Probes: []PsProbe{{ExitCode: 1, Output: "no\x1b"}}}}
	for format, want := range map[string]string{
		`table {{.Name}}\t{{.ExitCode}}`:                           "NAME         EXIT CODE\nshop-web-1   3\n",
		`{{.Name}} {{range .Publishers}}{{.PublishedPort}}{{end}}`: "shop-web-1 8080\n",
		`{{range .HealthLog}}{{.ExitCode}} {{.Output}}{{end}}`:     `1 no\x1b` + "\n",
		`{{.Command}}`: `sh\x1b -c a-command-of-some-length` + "\n",
	} {
		p, err := NewPs(format)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		var b bytes.Buffer
		if err := p.Write(&b, rows, epoch()); err != nil || b.String() != want {
			t.Errorf("%s: %v\n%q\nwant\n%q", format, err, b.String(), want)
		}
	}
	for _, bad := range []string{"{{.Nope}}", "{{"} {
		if _, err := NewPs(bad); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
	var cut, whole bytes.Buffer
	if err := errors.Join((&Ps{}).Write(&cut, rows, epoch()), (&Ps{Whole: true}).Write(&whole, rows, epoch())); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(cut.String(), "length") || !strings.Contains(whole.String(), "length") {
		t.Errorf("cut:\n%s\nwhole:\n%s", cut.String(), whole.String())
	}
}
