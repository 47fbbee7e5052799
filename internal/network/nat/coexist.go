package nat

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
)

// Coexist sees to it that other programs' firewalls let our bridges through.
// In nftables a packet must pass every chain of a hook, so accepting it in our
// own table is not enough where another chain drops what it does not know:
// Docker's and ufw's FORWARD policy, firewalld, a hand-written inet filter.
//
// In the chains for what is meant for this host itself only the questions for
// names are let in.
//
// At the head of each such chain it keeps rules whose comment begins with tag;
// in every other chain, and when there are no bridges, it removes them. It may
// be called again at any time and then changes only what differs: after a
// flush by the other program the rules come back.
func (k *Kernel) Coexist(tag string, bridges []Bridge) error {
	return k.use(func(c *nftables.Conn) error {
		chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyUnspecified)
		if err != nil {
			return fmt.Errorf("list nftables chains: %w", err)
		}
		var errs []error
		for _, ch := range chains {
			if strings.HasPrefix(ch.Table.Name, "stackup") {
				continue
			}
			switch family := ch.Table.Family; {
			case at(ch, nftables.ChainHookForward):
				errs = append(errs, k.adjust(c, ch, tag, letThrough(tag, ofFamily(bridges, family))))
			case at(ch, nftables.ChainHookInput):
				errs = append(errs, k.adjust(c, ch, tag, letAsk(tag, ofFamily(bridges, family))))
			}
		}
		return errors.Join(errs...)
	})
}

// ofFamily are the bridges that a chain of that family can be about.
func ofFamily(bridges []Bridge, family nftables.TableFamily) []Bridge {
	out := slices.SortedFunc(slices.Values(bridges), func(a, b Bridge) int { return strings.Compare(a.Name, b.Name) })
	if family == nftables.TableFamilyIPv6 {
		out = slices.DeleteFunc(out, func(b Bridge) bool { return !b.Subnet6.IsValid() })
	}
	return out
}

// letAsk gives the rules for a foreign chain of what is meant for this host.
func letAsk(tag string, bridges []Bridge) (out []Rule) {
	for _, b := range bridges {
		if len(b.Names) == 0 {
			continue
		}
		for _, protocol := range []string{"tcp", "udp"} {
			out = append(out, Rule{
				Terms:   []Term{in(b.Name), port(protocol, b.Names[0].Port()), accept()},
				Comment: tag + " " + b.Name + " names " + protocol,
			})
		}
	}
	return out
}

// letThrough gives the rules for a foreign chain: out of our networks freely,
// into them only what our own table lets in.
func letThrough(tag string, bridges []Bridge) []Rule {
	var out []Rule
	for _, bridge := range bridges {
		b := bridge.Name
		out = append(out,
			Rule{Terms: []Term{in(b), accept()}, Comment: tag + " " + b + " out"},
			Rule{Terms: []Term{outTo(b), established(), accept()}, Comment: tag + " " + b + " back"},
			Rule{Terms: []Term{outTo(b), translated(), accept()}, Comment: tag + " " + b + " port"},
		)
	}
	return out
}

// at says whether a chain filters IP packets at a hook.
func at(c *nftables.Chain, hook *nftables.ChainHook) bool {
	return c.Type == nftables.ChainTypeFilter && c.Hooknum != nil && *c.Hooknum == *hook &&
		(c.Table.Family == nftables.TableFamilyIPv4 || c.Table.Family == nftables.TableFamilyIPv6 || c.Table.Family == nftables.TableFamilyINet)
}

// drops says whether a chain drops what it does not know. firewalld's policy
// is accept, and its last rule rejects.
func drops(c *nftables.Chain) bool {
	return c.Policy != nil && *c.Policy == nftables.ChainPolicyDrop || c.Table.Name == "firewalld"
}

func (k *Kernel) adjust(c *nftables.Conn, ch *nftables.Chain, tag string, want []Rule) error {
	if !drops(ch) {
		want = nil
	}
	rules, err := c.GetRules(ch.Table, ch)
	if err != nil {
		return fmt.Errorf("read chain %s of table %s: %w", ch.Name, ch.Table.Name, err)
	}
	var ours []*nftables.Rule
	var have []string
	for _, r := range rules {
		if s, ok := comment(r); ok && strings.HasPrefix(s, tag+" ") {
			ours = append(ours, r)
			have = append(have, s)
		}
	}
	if slices.Equal(have, comments(want)) {
		return nil
	}
	for _, r := range ours {
		if err := c.DelRule(r); err != nil {
			return err
		}
	}
	for _, r := range slices.Backward(want) { // each goes before the last
		c.InsertRule(kernelRule(ch.Table, ch, r))
	}
	if err := k.flush(c, k.stillKnown()); err != nil {
		return fmt.Errorf("let our bridges through chain %s of table %s: %w", ch.Name, ch.Table.Name, err)
	}
	return nil
}

func comments(rules []Rule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.Comment)
	}
	return out
}

func comment(r *nftables.Rule) (string, bool) {
	if len(r.UserData) < 2 || len(r.UserData) < 2+int(r.UserData[1]) {
		return "", false
	}
	return userdata.GetString(r.UserData, userdata.TypeComment)
}

// LegacyFilter says whether the old iptables, which nftables does not show,
// has a filter table in this network namespace. Its FORWARD policy may drop
// our packets and only its own tool can change that.
func LegacyFilter() bool {
	b, err := os.ReadFile("/proc/net/ip_tables_names")
	return err == nil && slices.Contains(strings.Fields(string(b)), "filter")
}
