package ui

import (
	"io"
	"strings"

	"stackup.dev/stackup/spec"
)

// VolumeRow is one volume as volumes ls lists it.
type VolumeRow struct {
	Name       string // on the machine
	Key        string // in the stack file; empty for an anonymous volume
	Project    string // stack
	Anonymous  bool
	Mountpoint string // folder of its data
	Labels     []spec.Pair
}

// volumeDriver is the only kind of volume: a folder of this machine.
const volumeDriver = "local"

// VolumesTable writes rows as a table.
func VolumesTable(w io.Writer, rows []VolumeRow) error {
	cells := make([][]string, 0, len(rows))
	for _, r := range rows {
		cells = append(cells, []string{volumeDriver, r.Name})
	}
	return table(w, []string{"DRIVER", "VOLUME NAME"}, cells)
}

// volumeDoc has the keys of docker compose volumes that mean something here,
// and Anonymous, Key and Project.
type volumeDoc struct {
	Anonymous  bool
	Driver     string
	Key        string
	Labels     string // a=b,c=d, as docker has it
	Mountpoint string
	Name       string
	Project    string
	Scope      string
}

// VolumesJSON writes one JSON object per row and line.
func VolumesJSON(w io.Writer, rows []VolumeRow) error {
	docs := make([]volumeDoc, 0, len(rows))
	for _, r := range rows {
		var labels []string
		for _, l := range r.Labels {
			labels = append(labels, l.Name+"="+l.Value)
		}
		docs = append(docs, volumeDoc{
			Anonymous: r.Anonymous, Driver: volumeDriver, Key: r.Key, Mountpoint: r.Mountpoint,
			Name: r.Name, Project: r.Project, Scope: "local", Labels: strings.Join(labels, ","),
		})
	}
	return jsonLines(w, docs)
}
