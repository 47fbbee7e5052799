package spec

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
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
	return bytes.ReplaceAll(out, fmt.Appendf(nil, `mem_swappiness: "%d"`, swapMark), []byte(`mem_swappiness: "0"`))
}

// mended puts right what the library writes and does not read. JSON is made of
// the YAML: the library's own leaves extensions and zeros out.
func mended(out []byte, format string) ([]byte, error) {
	suspect := slices.ContainsFunc([]string{"jobs:", "devices:", "pre_start:"}, func(name string) bool { return bytes.Contains(out, []byte(name)) })
	if format != "json" && !suspect {
		return out, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(out, &doc); err != nil {
		return nil, err
	}
	root := doc.Content[0]
	for _, job := range entries(get(root, "jobs")) {
		without(job.value, "name")
		createsPaths(get(job.value, "volumes"))
	}
	for _, s := range entries(get(root, "services")) {
		for _, d := range items(get(get(get(get(s.value, "deploy"), "resources"), "reservations"), "devices")) {
			defaulted(d, "capabilities", &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle})
		}
		for _, hook := range items(get(s.value, "pre_start")) {
			createsPaths(get(hook, "volumes"))
		}
	}
	if format != "json" {
		return encoded(&doc, format)
	}
	var model any
	if err := root.Decode(&model); err != nil {
		return nil, err
	}
	return encoded(model, format)
}

// createsPaths writes down that sources are made, where the library leaves that
// out: it takes it for given in the volumes of services alone.
func createsPaths(volumes *yaml.Node) {
	for _, v := range items(volumes) {
		if bind := get(v, "bind"); bind != nil {
			defaulted(bind, "create_host_path", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
		}
	}
}

// defaulted gives a mapping an attribute that it does not have.
func defaulted(n *yaml.Node, name string, value *yaml.Node) {
	if get(n, name) == nil {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
	}
}

// without takes an attribute out of a mapping.
func without(n *yaml.Node, name string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}
