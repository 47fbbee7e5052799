package planner

import (
	"fmt"
	"strings"
	"testing"

	"stackup.dev/stackup/spec"
)

// parseState reads a state, a line for each thing:
//
//	container web.1 g2 running healthy env.LOG=debug restart=always digest=sha256:0
//	container web.1 g3 partial
//	network front lost=link,rules | volume data label=value device=/path | foreign network shared lost=rules
//	image nginx:2 local= wanted=sha256:2 err=why
//	port 8080/tcp nginx (pid 12)
//	name proxy other
//
// A container is as its service in the stack, save for what its line says.
// An image without a line is here with the digest sha256:1.
func parseState(t *testing.T, s *spec.Stack, text string) State {
	t.Helper()
	st := State{Stack: s.Name}
	said := map[string]bool{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "container":
			st.Containers = append(st.Containers, parseContainer(t, s, words[1:]))
		case "network":
			st.Networks = append(st.Networks, Network{Key: words[1], Name: s.Name + "_" + words[1], Stack: s.Name, Lost: parseLost(words[2:])})
		case "volume":
			st.Volumes = append(st.Volumes, parseVolume(s.Name, words[1:]))
		case "foreign":
			st.Networks = append(st.Networks, Network{Name: words[2], Stack: "other", Lost: parseLost(words[3:])})
		case "image":
			said[words[1]] = true
			st.Images = append(st.Images, parseImage(words[1:]))
		case "name":
			st.NamesInUse = append(st.NamesInUse, NameUse{Name: words[1], Stack: words[2]})
		case "port":
			st.PortsInUse = append(st.PortsInUse, parsePort(t, words[1:]))
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	for _, service := range s.Services {
		for _, ref := range append([]string{service.Image}, service.MountedImages()...) {
			if !said[ref] {
				st.Images = append(st.Images, Image{Ref: ref, Local: "sha256:1", Wanted: "sha256:1"})
			}
		}
	}
	return st
}

func parseLost(words []string) []string {
	for _, word := range words {
		if list, ok := strings.CutPrefix(word, "lost="); ok {
			return strings.Split(list, ",")
		}
	}
	return nil
}

func parseVolume(stack string, words []string) Volume {
	v := Volume{Key: words[0], Name: stack + "_" + words[0], Stack: stack}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		if key == "device" {
			v.Made = spec.LocalMount{Type: "none", Device: value, Options: "bind"}
		} else {
			v.Labels = append(v.Labels, spec.Pair{Name: key, Value: value})
		}
	}
	return v
}

func parseImage(words []string) Image {
	i := Image{Ref: words[0]}
	for n, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "local":
			i.Local = value
		case "wanted":
			i.Wanted = value
		case "changed":
			old, now, _ := strings.Cut(value, ">")
			i.Build = &Build{Changed: []spec.Change{{Field: "build.context", Old: old, New: now}}}
		case "from":
			if i.Build == nil {
				i.Build = &Build{}
			}
			i.Build.Bases = strings.Split(value, ",")
		case "lost":
			i.Build = &Build{Err: "no Dockerfile"}
		case "built":
			i.Build = &Build{}
		case "err":
			i.Err = strings.TrimPrefix(strings.Join(words[1+n:], " "), "err=")
			return i
		}
	}
	return i
}

func parsePort(t *testing.T, words []string) PortUse {
	t.Helper()
	u := PortUse{HostIP: "0.0.0.0", Holder: strings.Join(words[1:], " ")}
	if _, err := fmt.Sscanf(strings.Replace(words[0], "/", " ", 1), "%d %s", &u.Port, &u.Protocol); err != nil {
		t.Fatal(err)
	}
	return u
}

func parseContainer(t *testing.T, s *spec.Stack, words []string) Container {
	t.Helper()
	name, index, _ := strings.Cut(words[0], ".")
	c := Container{Ref: Ref{Kind: KindContainer, Name: name}, Digest: "sha256:1", Task: TaskNone}
	if _, err := fmt.Sscanf(index+words[1], "%dg%d", &c.Ref.Index, &c.Generation); err != nil {
		t.Fatal(err)
	}
	c.Service = spec.Service{Name: name}
	if service := s.Service(name); service != nil {
		c.Service = *service
	}
	for _, ref := range c.Service.MountedImages() {
		c.mount(ref, "sha256:1")
	}
	for _, word := range words[2:] {
		c.set(t, word)
	}
	c.ID = ContainerID(s.Name, name, c.Ref.Index, c.Generation)
	c.Name = VisibleName(s.Name, &c.Service, c.Ref.Index)
	c.Hash = c.Service.Hash()
	return c
}

func (c *Container) mount(ref, digest string) {
	if c.Mounted == nil {
		c.Mounted = map[string]string{}
	}
	c.Mounted[ref] = digest
}

func (c *Container) set(t *testing.T, word string) {
	t.Helper()
	key, value, assigned := strings.Cut(word, "=")
	switch {
	case word == "partial":
		c.Partial = true
	case word == "healthy" || word == "unhealthy" || word == "starting":
		c.Health = Health(word)
	case key == "prepares":
		c.Prepares = 1
	case key == "exit":
		c.Task = TaskStopped
		if _, err := fmt.Sscan(value, &c.ExitCode); err != nil {
			t.Fatal(err)
		}
	case key == "digest":
		c.Digest = value
	case key == "restart":
		c.Service.Restart.Policy = spec.RestartPolicy(value)
	case key == "needs":
		c.Service.DependsOn = []spec.Dependency{{Service: value, Condition: spec.Started}}
	case strings.HasPrefix(key, "env."):
		c.Service.Environment = []spec.Pair{{Name: key[4:], Value: value}}
	case !assigned:
		c.Task = TaskState(word)
	default:
		t.Fatalf("unknown word %q", word)
	}
}
