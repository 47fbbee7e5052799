package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// errDetached says that the detach keys were typed.
var errDetached = errors.New("detached")

// keys reads a sequence such as "ctrl-p,ctrl-q": of single characters, and of
// ctrl- with a letter or one of @ [ \ ] ^ _.
func keys(text string) ([]byte, error) {
	var out []byte
	for _, k := range strings.Split(text, ",") {
		c, isCtrl := strings.CutPrefix(k, "ctrl-")
		if len(c) == 1 && isCtrl {
			c = strings.ToUpper(c)
		}
		switch {
		case len(c) != 1, isCtrl && (c[0] < '@' || c[0] > '_'):
			return nil, fmt.Errorf("--detach-keys %q: %q is neither a character nor ctrl- with a letter or one of @[\\]^_", text, k)
		case isCtrl:
			out = append(out, c[0]-'@')
		default:
			out = append(out, c[0])
		}
	}
	return out, nil
}

// escapes passes a terminal's input on until the keys are typed. What may be
// their beginning is held back until it is not.
type escapes struct {
	from io.Reader
	keys []byte
	held int // keys typed so far
}

// Read ends with errDetached.
func (x *escapes) Read(p []byte) (int, error) {
	buf := make([]byte, max(len(p)-len(x.keys), 1))
	n, err := x.from.Read(buf)
	var out bytes.Buffer
	for _, c := range buf[:n] {
		if c == x.keys[x.held] {
			if x.held++; x.held == len(x.keys) {
				return copy(p, out.Bytes()), errDetached
			}
			continue
		}
		out.Write(x.keys[:x.held])
		x.held = 0
		if c == x.keys[0] && len(x.keys) > 1 {
			x.held = 1
			continue
		}
		out.WriteByte(c)
	}
	return copy(p, out.Bytes()), err
}
