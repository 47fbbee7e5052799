package nat

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
)

// TestLook: tables that are as they were swapped in are whole; whatever is taken from
// them, or put into them, is found, and the next Swap and Coexist put it right.
func TestLook(t *testing.T) {
	bridges := append(twoNetworks(), sixNetworks()...)
	r := Render("stackup", bridges, append(somePorts(), sixPorts()...))
	const foreign = "table ip filter {\n chain FORWARD {\n type filter hook forward priority 0; policy drop;\n ip saddr 192.0.2.1 accept\n }\n}\n"
	tests := []struct {
		name string
		harm string // for nft -f
		want Holding
	}{
		{"nothing", "", Holding{}},
		{"all rules flushed", "flush ruleset\n" + foreign, Holding{"the table is gone", []string{"chain FORWARD of table filter"}}},
		{"our table deleted", "delete table ip stackup", Holding{Table: "the table is gone"}},
		{"our table of IPv6 deleted", "delete table ip6 stackup", Holding{Table: "the table is gone"}},
		{"our table emptied", "flush table ip stackup", Holding{Table: "rules of chain ports are gone or changed"}},
		{"a chain emptied", "flush chain ip stackup guard", Holding{Table: "rules of chain guard are gone or changed"}},
		{"a chain deleted", "flush chain ip stackup patience\ndelete chain ip stackup patience", Holding{Table: "chains are gone or added"}},
		{"a rule added", "add rule ip stackup forward drop", Holding{Table: "rules of chain forward are gone or changed"}},
		{"a chain added", "add chain ip stackup more", Holding{Table: "chains are gone or added"}},
		{"another policy", "add chain ip stackup forward { policy drop; }", Holding{Table: "chain forward is gone or another one"}},
		{"the foreign chain emptied", "flush chain ip filter FORWARD", Holding{Chains: []string{"chain FORWARD of table filter"}}},
		{"the foreign table made anew", "delete table ip filter\n" + foreign, Holding{Chains: []string{"chain FORWARD of table filter"}}},
		{"the foreign policy now accepts", "add chain ip filter FORWARD { policy accept; }", Holding{Chains: []string{"chain FORWARD of table filter"}}},
		{"a foreign rule added", "add rule ip filter FORWARD ip saddr 192.0.2.2 accept", Holding{}},
		{"a foreign table added", "add table inet more", Holding{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			freshNamespace(t)
			var k, other Kernel
			defer func() { _, _ = k.Close(), other.Close() }()
			nft(t, foreign, "-f", "-")
			put := func() {
				t.Helper()
				if err := k.Swap(r); err != nil {
					t.Fatal(err)
				}
				if err := k.Coexist("stackup", bridges); err != nil {
					t.Fatal(err)
				}
			}
			look := func(when string, want Holding) {
				t.Helper()
				got, err := other.Look(r, bridges)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" || got.Whole() != (tt.harm == "" || want.Whole()) {
					t.Errorf("%s: -want +got:\n%s", when, diff)
				}
			}
			put()
			look("before", Holding{})
			nft(t, tt.harm, "-f", "-")
			look("after", tt.want)
			put()
			look("put back", Holding{})
			if n := strings.Count(nft(t, "", "list", "ruleset"), `comment "stackup `+bridges[0].Name+` out"`); n > 1 {
				t.Errorf("%d rules for one bridge in the foreign chain", n)
			}
		})
	}
}

// TestLookBeforeAnything: without our table all of it is missing, and nothing is where
// nothing is wanted.
func TestLookBeforeAnything(t *testing.T) {
	freshNamespace(t)
	var k Kernel
	defer func() { _ = k.Close() }()
	for _, tt := range []struct {
		bridges []Bridge
		whole   bool
	}{{nil, true}, {twoNetworks(), false}} {
		got, err := k.Look(Render("stackup", tt.bridges, nil), tt.bridges)
		if err != nil || got.Whole() != tt.whole {
			t.Errorf("%d networks: %+v, %v", len(tt.bridges), got, err)
		}
	}
}

// TestLookAtOwnedTable: what only its owner may change is no loss, since nobody can put
// it right; Coexist says so.
func TestLookAtOwnedTable(t *testing.T) {
	freshNamespace(t)
	owner(t, "add table ip theirs { flags owner; }\nadd chain ip theirs FORWARD { type filter hook forward priority 0; policy drop; }\n")
	var k Kernel
	defer func() { _ = k.Close() }()
	r := Render("stackup", twoNetworks(), nil)
	if err := k.Swap(r); err != nil {
		t.Fatal(err)
	}
	err := k.Coexist("stackup", twoNetworks())
	if err == nil || !strings.Contains(err.Error(), "chain FORWARD of table theirs is its owner's alone") {
		t.Errorf("Coexist: %v", err)
	}
	if got, err := k.Look(r, twoNetworks()); err != nil || !got.Whole() {
		t.Errorf("Look: %+v, %v", got, err)
	}
}

// TestSound: user data of any form is read without a panic.
func TestSound(t *testing.T) {
	for _, tt := range []struct {
		data []byte
		want bool
	}{
		{nil, true},
		{[]byte{0, 1, 'a'}, true},
		{[]byte{0, 0, 83, 1, 'a'}, true},
		{[]byte{0}, false},
		{[]byte{0, 2, 'a'}, false},
		{[]byte{0, 0, 83}, false},
	} {
		if got := sound(tt.data); got != tt.want {
			t.Errorf("sound(%v) = %v", tt.data, got)
		}
		if rule := (Rule{}); rule.whole(&nftables.Rule{UserData: tt.data}) {
			t.Errorf("a rule with %v is taken for whole", tt.data)
		}
	}
}

// TestLongComment: the kernel keeps 256 bytes with a rule, and nft shows comments of up
// to 128: a longer one is cut, and the rule stays whole.
func TestLongComment(t *testing.T) {
	freshNamespace(t)
	ports := somePorts()[:1]
	ports[0].Comment = strings.Repeat("long", 80)
	r := Render("stackup", twoNetworks(), ports)
	var k Kernel
	defer func() { _ = k.Close() }()
	if err := k.Swap(r); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Look(r, twoNetworks()); err != nil || !got.Whole() {
		t.Errorf("Look: %+v, %v", got, err)
	}
	nft(t, "flush ruleset\n"+r.String(), "-f", "-")
	if want := fmt.Sprintf("comment %q", strings.Repeat("long", 30)); !slices.ContainsFunc(strings.Split(nft(t, "", "list", "ruleset"), "\n"), func(l string) bool { return strings.HasSuffix(l, want) }) {
		t.Errorf("no rule with %s", want)
	}
}

// owner has an nft that stays until the test ends do something.
func owner(t *testing.T, do string) {
	t.Helper()
	cmd := exec.Command("nft", "-i")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if _, err := io.WriteString(in, do); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !strings.Contains(nft(t, "", "list", "ruleset"), "policy drop") {
		if err := ctx.Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
