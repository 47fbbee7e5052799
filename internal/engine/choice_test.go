package engine

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/internal/statedir"
)

func TestChoose(t *testing.T) {
	const system = "/nonexistent/containerd.sock"
	tests := []struct {
		name      string
		record    *Choice
		addresses []string
		want      func(d statedir.Dirs) Choice
	}{
		{"nothing known", nil, nil, func(d statedir.Dirs) Choice {
			return Choice{Kind: Embedded, Address: d.Socket()}
		}},
		{"flag wins", &Choice{Kind: Embedded}, []string{"/a.sock", "/b.sock", "/c.sock"}, func(statedir.Dirs) Choice {
			return Choice{Kind: System, Address: "/a.sock"}
		}},
		{"first variable that is set", nil, []string{"", "", "unix:///c.sock"}, func(statedir.Dirs) Choice {
			return Choice{Kind: System, Address: "/c.sock"}
		}},
		{"recorded system engine", &Choice{Kind: System, Address: "/d.sock"}, []string{"", ""}, func(statedir.Dirs) Choice {
			return Choice{Kind: System, Address: "/d.sock", Recorded: true}
		}},
		{"recorded embedded engine", &Choice{Kind: Embedded, Address: "/old/engine.sock"}, nil, func(d statedir.Dirs) Choice {
			return Choice{Kind: Embedded, Address: d.Socket(), Recorded: true}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
			if tt.record != nil {
				if err := Record(t.Context(), d, *tt.record); err != nil {
					t.Fatal(err)
				}
			}
			got, err := choose(t.Context(), d, system, tt.addresses...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want(d), got); diff != "" {
				t.Errorf("choose (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChooseReadsTheEnvironmentInOrder(t *testing.T) {
	d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	env := map[string]string{"STACKUP_ADDRESS": "/s.sock", "CONTAINERD_ADDRESS": "/c.sock"}
	for _, want := range []string{"/s.sock", "/c.sock"} {
		c, err := Choose(t.Context(), d, "", func(k string) string { return env[k] })
		if err != nil || c.Address != want {
			t.Errorf("Choose = %+v, %v, want %s", c, err, want)
		}
		delete(env, "STACKUP_ADDRESS")
	}
}

func TestChooseNamesOurOwnSocket(t *testing.T) {
	d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	c, err := choose(t.Context(), d, "", d.Socket())
	if diff := cmp.Diff(Choice{Kind: Embedded, Address: d.Socket()}, c); diff != "" || err != nil {
		t.Errorf("choose (-want +got): %v\n%s", err, diff)
	}
}

// A socket on which nobody speaks containerd's language is no engine.
func TestChooseLeavesASilentSystemSocket(t *testing.T) {
	d := newDirs(t)
	if err := os.MkdirAll(d.State, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(d.State, "silent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := choose(t.Context(), d, l.Addr().String())
	if err != nil || c.Kind != Embedded {
		t.Errorf("choose = %+v, %v, want the embedded engine", c, err)
	}
}

func TestChooseTakesASystemEngineThatAnswers(t *testing.T) {
	needRoot(t)
	other, mine := newDirs(t), newDirs(t)
	running(t, other, newLibexec(t))
	c, err := choose(t.Context(), mine, other.Socket())
	if diff := cmp.Diff(Choice{Kind: System, Address: other.Socket()}, c); diff != "" || err != nil {
		t.Errorf("choose (-want +got): %v\n%s", err, diff)
	}
}

func TestForget(t *testing.T) {
	d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
	if err := Record(t.Context(), d, Choice{Kind: System, Address: "/d.sock"}); err != nil {
		t.Fatal(err)
	}
	if err := Forget(t.Context(), d, Choice{Kind: System, Address: "/other.sock", UUID: "u"}, "shop"); err != nil {
		t.Fatal(err)
	}
	if c, err := recorded(d); err != nil || !c.Recorded {
		t.Errorf("recorded = %+v, %v: another engine's last stack is no reason to forget this one", c, err)
	}
	other, err := d.TryLock(statedir.StackLock("other"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Forget(t.Context(), d, Choice{Kind: System, Address: "/d.sock"}, "shop"); err != nil {
		t.Fatal(err)
	}
	if c, err := recorded(d); err != nil || !c.Recorded {
		t.Errorf("recorded = %+v, %v: somebody is at work on another stack", c, err)
	}
	if err := other.Unlock(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // no record is fine too
		if err := Forget(t.Context(), d, Choice{Kind: System, Address: "/d.sock"}, "shop"); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := recorded(d); err != nil || c.Recorded {
		t.Errorf("recorded = %+v, %v after Forget", c, err)
	}
}

func TestRecordedRefusesWhatItDoesNotKnow(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"newer version", `{"version":2,"kind":"embedded"}`, "has version 2"},
		{"unknown kind", `{"version":1,"kind":"podman","address":"/x"}`, "names no engine"},
		{"system without address", `{"version":1,"kind":"system"}`, "names no engine"},
		{"not JSON", `hello`, "remove the file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := statedir.Dirs{Root: t.TempDir(), State: t.TempDir()}
			if err := os.WriteFile(d.EngineChoice(), []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := choose(t.Context(), d, ""); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("choose = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRecentEnough(t *testing.T) {
	for version, want := range map[string]bool{
		"1.5.18": false, "1.6.0": true, "1.6.20~ds1": true, "1.10.0": true, "2.0.0-rc.1": true,
		"2.4.2": true, "0.9": false, "": false, "unknown": false, "1": false,
	} {
		if got := recentEnough(version); got != want {
			t.Errorf("recentEnough(%q) = %t, want %t", version, got, want)
		}
	}
}

func TestPlainVersion(t *testing.T) {
	for in, want := range map[string]string{"v2.4.2": "2.4.2", "2.4.2+unknown": "2.4.2", "1.6.20~ds1": "1.6.20~ds1"} {
		if got := plainVersion(in); got != want {
			t.Errorf("plainVersion(%q) = %q, want %q", in, got, want)
		}
	}
}
