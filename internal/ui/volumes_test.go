package ui

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

func TestVolumes(t *testing.T) {
	rows := []VolumeRow{
		{Name: "shop_data", Key: "data", Project: "shop", Mountpoint: "/v/shop_data/_data", Labels: []spec.Pair{{Name: "a", Value: "b"}, {Name: "c"}}},
		{Name: "0123\x1b[2J", Project: "shop", Anonymous: true, Mountpoint: "/v/0123/_data"},
	}
	var table, lines bytes.Buffer
	if err := VolumesTable(&table, rows); err != nil {
		t.Fatal(err)
	}
	want := "DRIVER   VOLUME NAME\nlocal    shop_data\nlocal    " + Sanitize("0123\x1b[2J") + "\n"
	if diff := cmp.Diff(want, table.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if err := VolumesJSON(&lines, rows[:1]); err != nil {
		t.Fatal(err)
	}
	want = `{"Anonymous":false,"Driver":"local","Key":"data","Labels":"a=b,c=","Mountpoint":"/v/shop_data/_data","Name":"shop_data","Project":"shop","Scope":"local"}` + "\n"
	if diff := cmp.Diff(want, lines.String()); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}
