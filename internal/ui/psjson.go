package ui

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// psDoc is a PsRow in JSON: the keys and forms that docker compose ps prints,
// so that scripts carry over, and Addresses, Digest, HealthLog, Index, LastExitCode
// and Restarts.
type psDoc struct {
	Addresses    map[string]string
	Command      string
	CreatedAt    string
	Digest       string
	ExitCode     int
	Health       string
	HealthLog    []PsProbe `json:",omitempty"`
	ID           string
	Image        string
	Index        int
	Labels       string // a=1,b=2
	LastExitCode int
	Name         string
	Networks     string // names, comma-separated
	Ports        string
	Project      string
	Publishers   []publisher
	Restarts     int
	RunningFor   string
	Service      string
	State        string
	Status       string
}

type publisher struct {
	URL           string
	TargetPort    uint16
	PublishedPort uint16
	Protocol      string
}

// createdLayout is how CreatedAt reads ("2026-01-02 15:04:05 +0000 UTC").
const createdLayout = "2006-01-02 15:04:05 -0700 MST"

// psJSON writes one JSON object per row and line.
func psJSON(w io.Writer, rows []PsRow, now time.Time) error {
	docs := make([]psDoc, 0, len(rows))
	for _, r := range rows {
		docs = append(docs, r.doc(now))
	}
	return jsonLines(w, docs)
}

func (r PsRow) doc(now time.Time) psDoc {
	d := psDoc{
		Addresses:    map[string]string{},
		Command:      r.Command,
		Digest:       r.Digest,
		ExitCode:     r.ExitCode,
		Health:       r.Health,
		HealthLog:    r.Probes,
		ID:           r.ID,
		Image:        r.Image,
		Index:        r.Index,
		Labels:       labelsText(r.Labels),
		LastExitCode: r.LastExit,
		Name:         r.Name,
		Networks:     strings.Join(slices.Sorted(maps.Keys(r.Addresses)), ","),
		Ports:        portsText(r.Ports),
		Project:      r.Project,
		Publishers:   []publisher{},
		Restarts:     r.Restarts,
		RunningFor:   ago(r.Created, now),
		Service:      r.Service,
		State:        r.State,
		Status:       r.status(now),
	}
	maps.Copy(d.Addresses, r.Addresses)
	if !r.Created.IsZero() {
		d.CreatedAt = r.Created.Format(createdLayout)
	}
	for _, p := range slices.SortedFunc(slices.Values(r.Ports), comparePorts) {
		d.Publishers = append(d.Publishers, p.publisher())
	}
	return d
}

func (p PsPort) publisher() publisher {
	out := publisher{TargetPort: p.Target, PublishedPort: p.Host, Protocol: p.Protocol}
	if p.Host != 0 {
		out.URL = cmp.Or(p.HostIP, "0.0.0.0")
	}
	return out
}

func labelsText(m map[string]string) string {
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s=%s", k, m[k]))
	}
	return strings.Join(parts, ",")
}
