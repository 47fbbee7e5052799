package planner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"stackup.dev/stackup/spec"
)

// maxID is the longest identifier that containerd takes, in bytes.
const maxID = 76

// ContainerID names one incarnation of a replica:
// <stack>-<service>-<n>-g<generation>.
//
// It is what containerd takes as an identifier: at most 76 bytes of
// [A-Za-z0-9]+([._-][A-Za-z0-9]+)*. Names that do not fit are cleaned and cut,
// and a hash of both names is put behind the service's. So it is with a
// service that holds a dash: otherwise shop + web-api and shop-web + api,
// two stacks on one machine, would meet in one ID.
func ContainerID(stack, service string, index, generation int) string {
	plain := stack + "-" + service
	tail := fmt.Sprintf("-%d-g%d", index, generation)
	base := clean(plain)
	if base == plain && !strings.Contains(service, "-") && len(base)+len(tail) <= maxID {
		return base + tail
	}
	sum := sha256.Sum256([]byte(stack + "\x00" + service))
	tail = "." + hex.EncodeToString(sum[:4]) + tail
	if room := maxID - len(tail); len(base) > room {
		base = strings.TrimRight(base[:room], "._-")
	}
	return base + tail
}

// clean leaves letters and digits, and single separators between them.
func clean(s string) string {
	var b strings.Builder
	sep := byte(0)
	for i := range len(s) {
		c := s[i]
		switch {
		case !alphanumeric(c):
			if sep == 0 {
				sep = separator(c)
			}
			continue
		case sep != 0 && b.Len() > 0:
			b.WriteByte(sep)
		}
		sep = 0
		b.WriteByte(c)
	}
	if b.Len() == 0 {
		return "x"
	}
	return b.String()
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func separator(c byte) byte {
	if c == '.' || c == '_' {
		return c
	}
	return '-'
}

// VisibleName is the name a user sees and other containers may call:
// container_name, or stack-service-n.
func VisibleName(stack string, s *spec.Service, index int) string {
	if s.ContainerName != "" {
		return s.ContainerName
	}
	return fmt.Sprintf("%s-%s-%d", stack, s.Name, index)
}
