package ui

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sanitize makes s safe for one line of a terminal. Control characters,
// bytes that are not UTF-8 and characters that reorder text become visible
// escapes (\n, \x1b, \u202e), so that nothing can move the cursor, colour the
// text or pass for something else.
func Sanitize(s string) string {
	if clean(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(visible(r))
		}
		s = s[n:]
	}
	return b.String()
}

// sanitizeLines is Sanitize for text of many lines: line ends stay.
func sanitizeLines(s string) []string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = Sanitize(strings.ReplaceAll(l, "\t", "    "))
	}
	return lines
}

func clean(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unsafe) < 0
}

// unsafe says whether a terminal might obey r instead of showing it: C0 and
// C1 controls, line and paragraph separators, and Unicode's format characters
// (bidirectional overrides, zero-width marks).
func unsafe(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

func visible(r rune) string {
	switch {
	case !unsafe(r):
		return string(r)
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r > 0xffff:
		return fmt.Sprintf(`\U%08x`, r)
	default:
		return fmt.Sprintf(`\u%04x`, r)
	}
}
