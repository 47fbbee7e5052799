package ui

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// PsRow is one container as ps lists it.
type PsRow struct {
	Name      string // visible name
	Image     string
	Command   string // with its arguments
	Project   string // stack
	Service   string
	Index     int    // replica, from 1
	State     string // created, running, paused, restarting or exited
	Health    string // starting, healthy, unhealthy; empty without a probe
	ExitCode  int    // of an exited container
	Restarts  int    // by policy, since the last start by a command
	LastExit  int    // exit code of the last run that has ended
	Orphaned  bool   // it is running, and the engine has no task of it
	Created   time.Time
	Started   time.Time // zero: never
	Finished  time.Time // zero: unknown, or still running
	Status    string    // empty: made from the fields above
	Ports     []PsPort
	Addresses map[string]string // network -> IP address
	ID        string            // containerd's
	Digest    string            // image manifest
	Labels    map[string]string
	Probes    []PsProbe // the last of its healthcheck, oldest first
}

// PsProbe is what came of one probe, by docker's names.
type PsProbe struct {
	Start, End time.Time
	ExitCode   int // -1: it could not run, or took too long
	Output     string
}

// PsPort is one port of a container.
type PsPort struct {
	HostIP   string
	Host     uint16 // 0: not published
	Target   uint16
	Protocol string // tcp or udp
}

// Ps writes rows in docker's forms: a table, lines of JSON, or lines made by a
// template.
type Ps struct {
	rowForm
	Whole bool // commands are not cut
}

// psHead names the fields of a template.
var psHead = []head{
	{"ID", "CONTAINER ID"},
	{"Name", "NAME"},
	{"Image", "IMAGE"},
	{"Command", "COMMAND"},
	{"Project", "PROJECT"},
	{"Service", "SERVICE"},
	{"Index", "INDEX"},
	{"State", "STATE"},
	{"Health", "HEALTH"},
	{"Status", "STATUS"},
	{"ExitCode", "EXIT CODE"},
	{"Restarts", "RESTARTS"},
	{"LastExitCode", "LAST EXIT CODE"},
	{"CreatedAt", "CREATED AT"},
	{"RunningFor", "CREATED"},
	{"Ports", "PORTS"},
	{"Publishers", "PUBLISHERS"},
	{"Networks", "NETWORKS"},
	{"Addresses", "ADDRESSES"},
	{"Labels", "LABELS"},
	{"Digest", "DIGEST"},
	{"HealthLog", "HEALTH LOG"},
}

// NewPs reads a format: table, table TEMPLATE, json or TEMPLATE.
func NewPs(format string) (*Ps, error) {
	f, err := newRowForm(format, psHead)
	if err != nil {
		return nil, err
	}
	p := &Ps{rowForm: f}
	return p, p.Write(io.Discard, []PsRow{{}}, time.Now()) // unknown fields show now
}

// Probes says whether anything of a row's Probes may be written.
func (p *Ps) Probes() bool { return p.json || p.text != nil }

// Write writes rows as they are now.
func (p *Ps) Write(w io.Writer, rows []PsRow, now time.Time) error {
	switch {
	case p.json:
		return psJSON(w, rows, now)
	case p.text == nil:
		return p.table(w, rows, now)
	}
	var docs []any
	for _, r := range rows {
		d := r.doc(now)
		d.Image, d.Command, d.Labels, d.Name = Sanitize(d.Image), Sanitize(d.Command), Sanitize(d.Labels), Sanitize(d.Name)
		d.HealthLog = slices.Clone(d.HealthLog)
		for i := range d.HealthLog {
			d.HealthLog[i].Output = Sanitize(d.HealthLog[i].Output)
		}
		docs = append(docs, d)
	}
	return p.lines(w, docs)
}

func (p *Ps) table(w io.Writer, rows []PsRow, now time.Time) error {
	cells := make([][]string, 0, len(rows))
	for _, r := range rows {
		cells = append(cells, []string{
			r.Name, r.Image, `"` + p.command(r) + `"`, r.Service,
			ago(r.Created, now), r.status(now), portsText(r.Ports),
		})
	}
	return table(w, []string{"NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"}, cells)
}

func (p *Ps) command(r PsRow) string {
	if p.Whole {
		return Sanitize(r.Command)
	}
	return cut(Sanitize(r.Command), 20)
}

func ago(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Ago(now.Sub(t)) + " ago"
}

// status is "Up 3 minutes (healthy)", "Up 3 minutes, 2 restarts, last exit 1" or
// "Exited (1) 2 seconds ago".
func (r PsRow) status(now time.Time) string {
	switch {
	case r.Status != "":
		return r.Status
	case r.State == "running" || r.State == "paused":
		return r.up(now)
	case r.State == "exited":
		return strings.TrimSpace(fmt.Sprintf("Exited (%d) %s", r.ExitCode, ago(r.Finished, now)))
	case r.State == "restarting":
		return strings.TrimSpace(fmt.Sprintf("Restarting (%d) %s", r.ExitCode, ago(r.Finished, now)))
	default:
		return capitalised(r.State)
	}
}

func (r PsRow) up(now time.Time) string {
	s := "Up"
	if !r.Started.IsZero() {
		s += " " + Ago(now.Sub(r.Started))
	}
	switch r.Health {
	case "":
	case "starting":
		s += " (health: starting)"
	default:
		s += " (" + r.Health + ")"
	}
	if r.State == "paused" {
		s += " (Paused)"
	}
	if r.Orphaned {
		s += " (orphaned)"
	}
	if r.Restarts > 0 {
		s += fmt.Sprintf(", %s, last exit %d", Count(r.Restarts, "restart"), r.LastExit)
	}
	return s
}

// portsText is "0.0.0.0:8080->80/tcp, 53/udp"; neighbours are joined to
// ranges ("0.0.0.0:8080-8082->80-82/tcp").
func portsText(ports []PsPort) string {
	sorted := slices.SortedFunc(slices.Values(ports), comparePorts)
	var parts []string
	for i := 0; i < len(sorted); {
		n := 1
		for i+n < len(sorted) && follows(sorted[i+n-1], sorted[i+n]) {
			n++
		}
		parts = append(parts, portText(sorted[i], uint16(n-1)))
		i += n
	}
	return strings.Join(parts, ", ")
}

func comparePorts(a, b PsPort) int {
	return cmp.Or(
		cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.HostIP, b.HostIP),
		cmp.Compare(a.Target, b.Target),
		cmp.Compare(a.Host, b.Host),
	)
}

func follows(a, b PsPort) bool {
	return a.Protocol == b.Protocol && a.HostIP == b.HostIP &&
		a.Target+1 == b.Target && (a.Host == 0 && b.Host == 0 || a.Host != 0 && a.Host+1 == b.Host)
}

func portText(p PsPort, more uint16) string {
	target := portRange(p.Target, more) + "/" + p.Protocol
	if p.Host == 0 {
		return target
	}
	ip := cmp.Or(p.HostIP, "0.0.0.0")
	if strings.Contains(ip, ":") {
		ip = "[" + ip + "]"
	}
	return ip + ":" + portRange(p.Host, more) + "->" + target
}

func portRange(first, more uint16) string {
	if more == 0 {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d-%d", first, first+more)
}
