package logs

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFormatter(t *testing.T) {
	web, db := Source{ID: "1", Name: "web-1"}, Source{ID: "2", Name: "db-1"}
	rec := func(s Stream, partial bool, text string) Record { return Record{second(1), s, partial, []byte(text)} }
	type step struct {
		s Source
		r Record
	}
	tests := []struct {
		name  string
		f     Format
		steps []step
		want  string
	}{
		{"prefix", Format{}, []step{{web, rec(Stdout, false, "a")}, {db, rec(Stderr, false, "b")}}, "web-1  | a\ndb-1   | b\n"},
		{"parts are joined", Format{NoPrefix: true}, []step{
			{web, rec(Stdout, true, "a")}, {db, rec(Stdout, false, "x")}, {web, rec(Stderr, false, "y")}, {web, rec(Stdout, false, "b")},
		}, "x\ny\nab\n"},
		{"timestamps", Format{Timestamps: true}, []step{{web, rec(Stdout, false, "a")}}, "web-1  | 1970-01-01T00:00:01.000000000Z a\n"},
		{"raw bytes", Format{NoPrefix: true}, []step{{web, rec(Stdout, false, "\x1b[2Ja\r")}}, "\x1b[2Ja\r\n"},
		{"terminal", Format{NoPrefix: true, Terminal: true}, []step{{web, rec(Stdout, false, "\x1b[2Ja\r")}}, "^[[2Ja\n"},
		{"unfinished at the end", Format{}, []step{{web, rec(Stdout, true, "name: ")}}, "web-1  | name: \n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			f := NewFormatter(&b, &b, tt.f, "web-1", "db-1")
			for _, s := range tt.steps {
				if err := f.Record(s.s, s.r); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.End(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

// A prompt is shown while it is unfinished; its line goes on, unless another
// line came between.
func TestFormatterPrompt(t *testing.T) {
	var b bytes.Buffer
	f := NewFormatter(&b, &b, Format{}, "web-1")
	web, db := Source{ID: "1", Name: "web-1"}, Source{ID: "2", Name: "db-1"}
	part, full := Record{Stream: Stdout, Partial: true, Text: []byte("user: ")}, Record{Stream: Stdout, Text: []byte("x")}
	for _, do := range []func() error{
		func() error { return f.Record(web, part) }, f.Flush, func() error { return f.Record(web, full) },
		func() error { return f.Record(web, part) }, f.Flush, func() error { return f.Record(db, full) },
		func() error { return f.Record(web, full) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	want := "web-1  | user: x\nweb-1  | user: \ndb-1   | x\nweb-1  | x\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestFormatterColorsAreStableAndDistinct(t *testing.T) {
	names := []string{"web-1", "web-2", "db-1", "cache-1", "queue-1"}
	first := NewFormatter(nil, nil, Format{}, names...).colors
	if diff := cmp.Diff(first, NewFormatter(nil, nil, Format{}, names...).colors); diff != "" {
		t.Errorf("second run differs:\n%s", diff)
	}
	used := map[int]bool{}
	for _, c := range first {
		used[c] = true
	}
	if len(used) != len(names) {
		t.Errorf("%d colours for %d names", len(used), len(names))
	}
}

func TestSanitize(t *testing.T) {
	for name, tt := range map[string][2]string{
		"plain":                {"grün\tok", "grün\tok"},
		"colour is ended":      {"\x1b[1;31mred", "\x1b[1;31mred\x1b[0m"},
		"cursor":               {"\x1b[1A", "^[[1A"},
		"title":                {"\x1b]0;x\a", "^[]0;x^G"},
		"carriage return":      {"a\rb\r", "a^Mb"},
		"C1":                   {"\u009b2J", `\u009b2J`},
		"byte that is no rune": {"\x9b2J", "\ufffd2J"},
		"bidi":                 {"a\u202eb", `a\u202eb`},
		"long SGR":             {"\x1b[" + strings.Repeat("1;", 60) + "m", "^[[" + strings.Repeat("1;", 60) + "m"},
		"delete":               {"\x7f", "^?"},
	} {
		if diff := cmp.Diff(tt[1], string(sanitize(nil, []byte(tt[0])))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFormatterJSON(t *testing.T) {
	var out, err strings.Builder
	x := NewFormatter(&out, &err, Format{JSON: true})
	src := Source{ID: "c", Name: "web-1", Service: "web", Container: "shop-web-1"}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for _, r := range []Record{
		{Time: at, Stream: Stdout, Partial: true, Text: []byte("a \"long")},
		{Time: at, Stream: Stdout, Text: []byte("er\" line")},
		{Time: at, Stream: Stderr, Text: []byte("bad \xff")},
	} {
		if err := x.Record(src, r); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"time":"2026-01-02T03:04:05.000000006Z","service":"web","container":"shop-web-1","stream":"stdout","line":"a \"longer\" line"}
{"time":"2026-01-02T03:04:05.000000006Z","service":"web","container":"shop-web-1","stream":"stderr","line":"bad \ufffd"}
`
	if out.String() != want || err.Len() > 0 {
		t.Errorf("got\n%s%s\nwant\n%s", out.String(), err.String(), want)
	}
}
