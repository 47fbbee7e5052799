package ui

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"stackup.dev/stackup/internal/event"
	"stackup.dev/stackup/planner"
	"stackup.dev/stackup/spec"
)

func TestSanitize(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain text":      {"demo_web-1 — größer", "demo_web-1 — größer"},
		"csi":             {"\x1b[31mred", `\x1b[31mred`},
		"osc title":       {"\x1b]0;owned\a", `\x1b]0;owned\x07`},
		"c1 csi":          {"\u009b2J", `\u009b2J`},
		"raw c1 byte":     {"\x9b2J", `\x9b2J`},
		"line ends":       {"a\r\nb", `a\r\nb`},
		"tab":             {"a\tb", `a\tb`},
		"delete":          {"a\x7f", `a\x7f`},
		"bidi override":   {"a\u202eb", `a\u202eb`},
		"zero width":      {"a\u200bb", `a\u200bb`},
		"tag character":   {"a\U000e0041", `a\U000e0041`},
		"line separator":  {"a\u2028b", `a\u2028b`},
		"not utf-8":       {"a\xffb", `a\xffb`},
		"replacement":     {"a\ufffdb", "a\ufffdb"},
		"wide characters": {"名前", "名前"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Sanitize(c.in); got != c.want {
				t.Errorf("Sanitize(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

const evil = "x\x1b[2J\x1b]0;owned\a\u009b1m\u202e\x9by\nz"

// TestNoEscapeReachesTheTerminal puts a hostile text into every field that
// this package shows.
func TestNoEscapeReachesTheTerminal(t *testing.T) {
	for name, text := range hostileOutput(t) {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(text, "x") {
				t.Fatalf("the hostile text is not shown at all: %q", text)
			}
			for _, r := range text {
				if r != '\n' && unsafe(r) || r == utf8.RuneError {
					t.Fatalf("%q in %q", r, text)
				}
			}
			if strings.Contains(text, "\nz") {
				t.Errorf("the hostile text begins a line of its own: %q", text)
			}
		})
	}
}

func hostileOutput(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	write := func(name string, f func(b *bytes.Buffer) error) {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = b.String()
	}
	p := hostilePlan()
	write("plan", func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{}) })
	write("plan values", func(b *bytes.Buffer) error { return Plan(b, p, PlanOptions{ShowValues: true}) })
	ps := []PsRow{{
		Name: evil, Image: evil, Command: evil, Service: evil, State: evil, Health: evil, Status: evil,
		Ports: []PsPort{{HostIP: evil, Host: 1, Target: 1, Protocol: evil}},
	}}
	write("ps", func(b *bytes.Buffer) error { return (&Ps{}).Write(b, ps, epoch()) })
	write("images", func(b *bytes.Buffer) error {
		return ImagesTable(b, []ImageRow{{Name: evil, Digest: evil, Platform: evil}}, epoch())
	})
	write("fields", func(b *bytes.Buffer) error { return FieldsTable(b, []Field{{Label: "Address", Value: evil}}) })
	events := hostileEvents()
	write("frame", func(b *bytes.Buffer) error { b.WriteString(modelOf(events).Frame(300, epoch())); return nil })
	write("plain", func(b *bytes.Buffer) error {
		// An error of many lines keeps them in the summary, indented.
		s := NewPlain(b, func(planner.Ref) string { return evil })
		for _, e := range events {
			s.Emit(e)
		}
		return s.Close()
	})
	return out
}

func hostilePlan() *planner.Plan {
	reason := planner.Reason{Code: evil, Detail: evil, Fields: []spec.Change{{Field: evil, Old: evil, New: evil}}}
	p := &planner.Plan{Stack: evil, Notices: []string{evil}}
	for _, k := range []planner.Kind{planner.KindContainer, planner.KindImage, planner.KindNetwork, planner.KindVolume, evil} {
		ref := planner.Ref{Kind: k, Name: evil}
		p.Steps = append(p.Steps,
			planner.Step{ID: evil, Op: planner.OpWait, Until: evil, Ref: ref, Object: evil, Reason: reason},
			planner.Step{ID: evil, Op: planner.OpStart, Ref: ref, Object: evil, Reason: reason, Rescue: []planner.StepID{"y" + evil}})
		p.Keep = append(p.Keep, planner.Kept{Ref: ref, Object: evil})
	}
	return p
}

func hostileEvents() []event.Event {
	var s story
	for i, phase := range []event.Phase{event.Started, event.Progress, event.Done, event.Failed, event.Skipped} {
		for _, k := range []planner.Kind{planner.KindContainer, planner.KindImage, planner.KindNetwork, evil} {
			e := s.add(0, phase, evil, evil, planner.Ref{Kind: k, Name: evil, Index: i})
			e.Text, e.Err = evil, evil
		}
	}
	return s
}

func TestJSONKeepsHostileTextAsData(t *testing.T) {
	var b bytes.Buffer
	if err := PlanJSON(&b, hostilePlan(), true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "\x1b") || !json.Valid(b.Bytes()) {
		t.Errorf("%q", b.String())
	}
}
