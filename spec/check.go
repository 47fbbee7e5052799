package spec

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// check refuses values that the library lets through and the kernel, or a
// reader of our files, would trip over.
func (c *converter) check(s Service) {
	if !isName(s.Name) {
		c.rep.addf(c.all.find(c.path), c.path, "a service's name must start with a letter or a digit")
	}
	if s.Hostname != "" && !isHost(s.Hostname) {
		c.problem("hostname", "%q is not a host name of at most 64 letters, digits, - and dots", printable(s.Hostname))
	}
	for _, a := range s.Networks {
		for _, alias := range a.Aliases {
			if !isHost(alias) {
				c.problem("networks."+a.Network+".aliases", "%q is not a host name", printable(alias))
			}
		}
	}
	if s.WorkingDir != "" && !path.IsAbs(s.WorkingDir) {
		c.problem("working_dir", "%q is not an absolute path", s.WorkingDir)
	}
	if s.StopSignal != "" && !isSignal(s.StopSignal) {
		c.problem("stop_signal", "%q is not a signal of Linux", printable(s.StopSignal))
	}
}

// topNames refuses names of networks and volumes that could lead elsewhere as
// part of a path.
func (s *scan) topNames(st *Stack) {
	refuse := func(path, name string) {
		s.rep.addf(s.all.find(path), path, "%q is not a valid name: letters, digits, _ . and -, a letter or digit first", printable(name))
	}
	for _, n := range st.Networks {
		if !isName(n.Name) {
			refuse("networks."+n.Key+".name", n.Name)
		}
	}
	for _, v := range st.Volumes {
		if !isName(v.Name) {
			refuse("volumes."+v.Key+".name", v.Name)
		}
	}
}

// reservedLabels are the beginnings of labels that mean something to others, and who those
// are.
var reservedLabels = []struct{ prefix, whose string }{{"dev.stackup/", "stackup"}, {"containerd.io/", "containerd"}}

// reserved says why a stack file cannot set a label, or nothing.
func reserved(label string) string {
	for _, r := range reservedLabels {
		if strings.HasPrefix(label, r.prefix) {
			return "labels that begin with " + r.prefix + " are " + r.whose + "'s own: choose another name"
		}
	}
	return ""
}

// checkLabels refuses such labels of a network or a volume.
func checkLabels(labels []Pair, fail func(attr, format string, args ...any)) {
	for _, l := range labels {
		if why := reserved(l.Name); why != "" {
			fail("labels."+printable(l.Name), "%s", why)
		}
	}
}

// isName is the rule for what becomes part of a path or a label: no more than a name.
func isName(name string) bool {
	return len(name) <= 128 && isWord(name) && isAlnum(name[0])
}

// isHost is the rule for what goes into host files; Linux takes 64 bytes.
func isHost(name string) bool {
	return len(name) <= 64 && isWord(name) && !strings.ContainsAny(name[:1]+name[len(name)-1:], ".-")
}

// isWord tells whether text is letters, digits, _ . and - only, and not empty.
func isWord(text string) bool {
	for i := range len(text) {
		if !isAlnum(text[i]) && !strings.ContainsRune("_.-", rune(text[i])) {
			return false
		}
	}
	return text != ""
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// isSignal knows names with and without SIG, numbers, and RTMIN+n, RTMAX-n.
func isSignal(text string) bool {
	if n, err := strconv.Atoi(text); err == nil {
		return n >= 1 && n <= 64
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	for _, rt := range []string{"RTMIN", "RTMAX"} {
		if rest, ok := strings.CutPrefix(name, rt); ok {
			n, err := strconv.Atoi(rest)
			return rest == "" || err == nil && (rest[0] == '+') == (rt == "RTMIN") && n >= -30 && n <= 30
		}
	}
	return unix.SignalNum("SIG"+name) != 0
}
