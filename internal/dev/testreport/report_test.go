package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// folder writes what a run leaves behind.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func resultsOf(t *testing.T, files map[string]string) *results {
	t.Helper()
	r, err := read(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const events = `{"Action":"start","Package":"stackup.dev/stackup/p"}
{"Action":"fail","Package":"stackup.dev/stackup/p","Test":"TestA","Elapsed":3}
{"Action":"fail","Package":"stackup.dev/stackup/p","Test":"TestA/sub","Elapsed":3}
{"Action":"fail","Package":"stackup.dev/stackup/p","Test":"TestB","Elapsed":1}
{"Action":"pass","Package":"stackup.dev/stackup/p","Test":"TestC","Elapsed":5}
{"Action":"skip","Package":"stackup.dev/stackup/p","Test":"TestD"}
{"Action":"pass","Package":"stackup.dev/stackup/p","Test":"TestA","Elapsed":2}
{"Action":"fail","Package":"stackup.dev/stackup/p","Test":"TestB","Elapsed":1}
`

func TestFlakyIsWhatFailsAndThenPasses(t *testing.T) {
	r := resultsOf(t, map[string]string{"unit.json": events})
	var out strings.Builder
	if n := r.printFlaky(&out); n != 1 || !strings.Contains(out.String(), "flaky: p TestA ") {
		t.Errorf("%d flaky:\n%s", n, out.String())
	}
}

func TestLastLineNamesFailuresAndTheSlowest(t *testing.T) {
	r := resultsOf(t, map[string]string{"unit.json": events})
	var out strings.Builder
	r.printLast(&out, 61*time.Second)
	want := "4 tests, 1 failed, in 1m1s; the slowest: p TestC 5 s, p TestA 3 s, p TestB 1 s\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// TestACrashIsAFailure: a test that never ended, and a package that failed without one,
// are no success.
func TestACrashIsAFailure(t *testing.T) {
	r := resultsOf(t, map[string]string{"unit.json": `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}
{"Action":"fail","Package":"q"}
{"Action":"pass","Package":"r","Test":"TestB"}
`})
	var out strings.Builder
	r.printLast(&out, time.Second)
	if !strings.HasPrefix(out.String(), "3 tests, 2 failed, ") {
		t.Errorf("the last line: %s", out.String())
	}
}

func TestKindsOfWorkAreSummed(t *testing.T) {
	r := resultsOf(t, map[string]string{
		"e2e.json":                 "",
		"e2e/embedded/TestA.spent": `{"Kind":"up","Times":2,"Seconds":3}` + "\n" + `{"Kind":"exec","Times":1,"Seconds":0.5}`,
		"e2e/embedded/TestB.spent": `{"Kind":"up","Times":1,"Seconds":1}`,
	})
	var out strings.Builder
	r.printTimes(&out)
	if lines := strings.Split(out.String(), "\n"); strings.Join(strings.Fields(lines[1]), " ") != "4.0 3 1333 up" {
		t.Errorf("the first row is %q", lines[1])
	}
}

func TestCoverageCountsTheMachineToo(t *testing.T) {
	r := resultsOf(t, map[string]string{
		"unit.json":            events,
		"machine-apparmor.log": "machine: engine embedded\n=== RUN   TestX\n--- PASS: TestX (1.50s)\n    --- PASS: TestX/sub (1.00s)\n--- SKIP: TestY (0.00s)\n",
	})
	var out strings.Builder
	r.printCoverage(&out)
	text := strings.Join(strings.Fields(out.String()), " ")
	if !strings.Contains(text, "1 1 e2e/machine-apparmor-embedded") || !strings.Contains(text, "left out: e2e/machine-apparmor-embedded TestY") {
		t.Errorf("coverage:\n%s", out.String())
	}
}
