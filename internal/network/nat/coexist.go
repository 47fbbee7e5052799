package nat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
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
	return k.amongOthers(func(c *nftables.Conn) error {
		chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyUnspecified)
		if err != nil {
			return fmt.Errorf("list nftables chains: %w", err)
		}
		changes, err := changesFor(c, chains, tag, bridges)
		errs := []error{err}
		for _, ch := range changes {
			if ch.owned {
				errs = append(errs, fmt.Errorf("%s is its owner's alone: let our bridges through there by hand", ch))
				continue
			}
			errs = append(errs, k.carryOut(c, ch))
		}
		return errors.Join(errs...)
	})
}

// triesAmongOthers is how often something is begun anew because others change their tables
// just then.
const triesAmongOthers = 10

// amongOthers is use for who looks at tables of others, which may go at any time.
func (k *Kernel) amongOthers(f func(*nftables.Conn) error) (err error) {
	for range triesAmongOthers {
		if err = k.use(f); !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return err
}

// change is what is to be done to a chain of another program.
type change struct {
	chain *nftables.Chain
	drop  []*nftables.Rule
	put   []Rule // at its head
	owned bool   // the kernel lets nobody but the owner of the table change it
}

// tableOwned is NFT_TABLE_F_OWNER of the kernel's nf_tables.h, as the library reads it:
// in the machine's order of bytes, where the kernel writes the network's.
var tableOwned = binary.NativeEndian.Uint32([]byte{0, 0, 0, 1 << 1})

func (c change) String() string {
	return fmt.Sprintf("chain %s of table %s", c.chain.Name, c.chain.Table.Name)
}

// changesFor returns what the chains of others lack, or have too much, so that our
// bridges are let through. What can be found out of some chains only comes with an error.
func changesFor(c *nftables.Conn, chains []*nftables.Chain, tag string, bridges []Bridge) (out []change, err error) {
	tables, err := c.ListTables()
	if err != nil {
		return nil, fmt.Errorf("list nftables tables: %w", err)
	}
	var errs []error
	for _, ch := range chains {
		if strings.HasPrefix(ch.Table.Name, "stackup") {
			continue
		}
		var want []Rule
		switch family := ch.Table.Family; {
		case at(ch, nftables.ChainHookForward):
			want = letThrough(tag, ofFamily(bridges, family))
		case at(ch, nftables.ChainHookInput):
			want = letAsk(tag, ofFamily(bridges, family))
		default:
			continue
		}
		made, differs, err := changeFor(c, ch, tag, want)
		errs = append(errs, err)
		if differs {
			made.owned = slices.ContainsFunc(tables, func(t *nftables.Table) bool {
				return t.Name == ch.Table.Name && t.Family == ch.Table.Family && t.Flags&tableOwned != 0
			})
			out = append(out, made)
		}
	}
	return out, errors.Join(errs...)
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

// changeFor compares a chain with the rules that it should have of ours.
func changeFor(c *nftables.Conn, ch *nftables.Chain, tag string, want []Rule) (_ change, differs bool, err error) {
	if !drops(ch) {
		want = nil
	}
	rules, err := c.GetRules(ch.Table, ch)
	if err != nil {
		return change{}, false, fmt.Errorf("read chain %s of table %s: %w", ch.Name, ch.Table.Name, err)
	}
	have := slices.DeleteFunc(rules, func(r *nftables.Rule) bool {
		s, ok := comment(r)
		return !ok || !strings.HasPrefix(s, tag+" ")
	})
	return change{chain: ch, drop: have, put: want}, !slices.EqualFunc(want, have, Rule.whole), nil
}

func (k *Kernel) carryOut(c *nftables.Conn, ch change) error {
	for _, r := range ch.drop {
		if err := c.DelRule(r); err != nil {
			return err
		}
	}
	for _, r := range slices.Backward(ch.put) { // each goes before the last
		c.InsertRule(kernelRule(ch.chain.Table, ch.chain, r))
	}
	if err := k.flush(c, k.stillKnown()); err != nil {
		return fmt.Errorf("let our bridges through %s: %w", ch, err)
	}
	return nil
}

func comment(r *nftables.Rule) (string, bool) {
	if !sound(r.UserData) {
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
