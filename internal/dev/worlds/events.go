package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is one of `go test -json` (go doc test2json).
type event struct {
	Time    time.Time `json:",omitzero"`
	Action  string
	Package string
	Test    string  `json:",omitempty"`
	Elapsed float64 `json:",omitempty"`
	Output  string  `json:",omitempty"`
}

// test2json returns the path of the go command's converter.
func test2json() (string, error) {
	out, err := exec.Command("go", "tool", "-n", "test2json").Output()
	if err != nil {
		return "", fmt.Errorf("go tool test2json: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// events reads what a unit has printed. Events of a package are left out: each
// variant is one package, however many processes it takes.
func (r *runner) events(u unit, log string) (out []event, err error) {
	text, err := os.ReadFile(log)
	if err != nil {
		return nil, err
	}
	c := exec.Command(r.convert, "-t", "-p", u.pkg())
	c.Stdin = bytes.NewReader(text)
	lines, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("test2json: %w", err)
	}
	for line := range bytes.Lines(lines) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, err
		}
		if e.Test != "" {
			out = append(out, e)
		}
	}
	return out, nil
}

// endOf returns how a test itself has ended, without its subtests: "pass", "skip" or
// "fail", or nothing if no event tells.
func endOf(test string, events []event) string {
	for _, e := range events {
		if e.Test == test && ends(e.Action) {
			return e.Action
		}
	}
	return ""
}

func ends(action string) bool { return slices.Contains([]string{"pass", "skip", "fail"}, action) }

// failing returns the events of a test that has failed for another reason than the one
// that its own events tell of.
func failing(test string, events []event, err error) []event {
	events = slices.DeleteFunc(events, func(e event) bool { return e.Test == test && ends(e.Action) })
	return append(events, event{Action: "output", Test: test, Output: fmt.Sprintf("%s: %v\n", test, err)},
		event{Action: "fail", Test: test})
}

// stream prints events as they come, a unit's all together.
type stream struct {
	mu    sync.Mutex
	out   *json.Encoder
	began time.Time
	tally *tally
	packs map[string]bool // name to whether a test of it has failed
}

func newStream(w io.Writer, t *tally) *stream {
	return &stream{out: json.NewEncoder(w), began: time.Now(), tally: t, packs: map[string]bool{}}
}

func (s *stream) ended(u unit, events []event, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally.ended(u, events, failed)
	if _, known := s.packs[u.pkg()]; !known {
		s.print(event{Action: "start", Package: u.pkg()})
	}
	s.packs[u.pkg()] = s.packs[u.pkg()] || failed
	for _, e := range events {
		e.Package = u.pkg()
		s.print(e)
	}
}

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, failed := range s.packs {
		e := event{Action: "pass", Package: name, Elapsed: time.Since(s.began).Seconds()}
		if failed {
			e.Action = "fail"
		}
		s.print(e)
	}
}

func (s *stream) print(e event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	_ = s.out.Encode(e) // who reads it no more has ended us
}
