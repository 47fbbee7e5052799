package spec

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// sshKeys gives keys of builds the form that can be read again: the library
// writes them as NAME: PATH in one text, and reads NAME=PATH.
func sshKeys(p *types.Project) {
	for name, s := range p.Services {
		if s.Build == nil || len(s.Build.SSH) == 0 {
			continue
		}
		build, keys := *s.Build, types.SSHConfig{}
		for _, k := range s.Build.SSH {
			if k.Path != "" {
				k = types.SSHKey{ID: k.ID + "=" + k.Path}
			}
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(a, b types.SSHKey) int { return cmp.Compare(a.ID, b.ID) })
		build.SSH = keys
		s.Build = &build
		p.Services[name] = s
	}
}

// swapMark stands for mem_swappiness: 0 while the library writes, which takes a
// zero for nothing. No valid value is as large.
const swapMark = 888_888_888_888

// markUnswapped puts the mark where a service's swappiness is a given zero.
func markUnswapped(p *types.Project, s *Stack) {
	if p == nil || s == nil {
		return
	}
	for _, v := range s.Services {
		if n := v.Fixed.MemorySwappiness; n != nil && *n == 0 {
			c := p.Services[v.Name]
			c.MemSwappiness = swapMark
			p.Services[v.Name] = c
		}
	}
}

// unmarked has zeros where the marks were put, and nowhere else.
func unmarked(out []byte) []byte {
	for _, form := range []string{`mem_swappiness: "%d"`, `"mem_swappiness": "%d"`} {
		out = bytes.ReplaceAll(out, fmt.Appendf(nil, form, swapMark), fmt.Appendf(nil, form, 0))
	}
	return out
}

// mendedJSON puts right what the library writes as JSON and cannot read: zeros
// of limits that are left out, and names of blkio_config in capitals.
func mendedJSON(in []byte) ([]byte, error) {
	if !bytes.Contains(in, []byte(`"ulimits"`)) && !bytes.Contains(in, []byte(`"blkio_config"`)) {
		return in, nil
	}
	var model map[string]any
	d := json.NewDecoder(bytes.NewReader(in))
	d.UseNumber()
	if err := d.Decode(&model); err != nil {
		return nil, err
	}
	services, _ := model["services"].(map[string]any)
	for _, v := range services {
		service, _ := v.(map[string]any)
		build, _ := service["build"].(map[string]any)
		zeros(service["ulimits"])
		zeros(build["ulimits"])
		blkio, _ := service["blkio_config"].(map[string]any)
		for attr, list := range blkio {
			blkio[attr] = lowered(list)
		}
	}
	return encoded(model, "json")
}

func zeros(limits any) {
	all, _ := limits.(map[string]any)
	for _, v := range all {
		if limit, ok := v.(map[string]any); ok {
			for _, end := range []string{"soft", "hard"} {
				limit[end] = cmp.Or(limit[end], any(0))
			}
		}
	}
}

// lowered gives the entries of a list names in small letters.
func lowered(list any) any {
	entries, ok := list.([]any)
	if !ok {
		return list
	}
	for i, e := range entries {
		out := map[string]any{}
		old, _ := e.(map[string]any)
		for name, value := range old {
			out[strings.ToLower(name)] = value
		}
		entries[i] = out
	}
	return entries
}
