package logs

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// sanitize adds text in a form that cannot do anything to a terminal but
// colour: SGR sequences (ECMA-48, 8.3.117) stay and are ended with the line,
// every other control character and every mark that reorders text becomes
// visible. What is no UTF-8 becomes the replacement character.
func sanitize(out, text []byte) []byte {
	text = bytes.TrimRight(text, "\r")
	colored := false
	for len(text) > 0 {
		if n := sgr(text); n > 0 {
			out, text, colored = append(out, text[:n]...), text[n:], true
			continue
		}
		r, n := utf8.DecodeRune(text)
		out = appendSafe(out, r)
		text = text[n:]
	}
	if colored {
		out = append(out, "\x1b[0m"...)
	}
	return out
}

// sgr gives the length of the colour sequence at the head of b, or 0.
func sgr(b []byte) int {
	if !bytes.HasPrefix(b, []byte("\x1b[")) {
		return 0
	}
	for i, c := range b[2:min(len(b), 64)] {
		switch {
		case c == 'm':
			return i + 3
		case c != ';' && c != ':' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}

func appendSafe(out []byte, r rune) []byte {
	switch {
	case r == '\t' || r == utf8.RuneError:
		return utf8.AppendRune(out, r)
	case r < 0x20:
		return append(out, '^', byte(r)+'@')
	case r == 0x7f:
		return append(out, "^?"...)
	case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r), r == 0x2028, r == 0x2029:
		return fmt.Appendf(out, `\u%04x`, r)
	default:
		return utf8.AppendRune(out, r)
	}
}
