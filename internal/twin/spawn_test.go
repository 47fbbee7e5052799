package twin

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSpawnKeepsWhatIsSaid: in a file that does not grow for ever.
func TestSpawnKeepsWhatIsSaid(t *testing.T) {
	log := filepath.Join(t.TempDir(), "helpers.log")
	if err := os.WriteFile(log, bytes.Repeat([]byte("x"), logSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Spawn([]string{"/bin/sh", "-c", "echo wrong >&2"}, log); err != nil {
			t.Fatal(err)
		}
	}
	said := ""
	for range 200 {
		b, _ := os.ReadFile(log)
		if said = string(b); strings.Count(said, "wrong\n") == 2 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if said != "wrong\nwrong\n" {
		t.Errorf("the log has %d bytes: %.40q", len(said), said)
	}
	if st, err := os.Stat(log + ".1"); err != nil || st.Size() != logSize+1 {
		t.Errorf("the log before: %v, %v", st, err)
	}
	if err := Spawn(nil, log); err == nil {
		t.Error("nothing was started without an error")
	}
}
