package nat

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/userdata"
)

// typeStamp marks the stamp among a rule's user data, beside the comment. nft(8) knows
// types 0 and 1 and passes over all others.
const typeStamp = userdata.Type(83)

// stamp returns a digest of a rule. It is kept with the rule, so that a table that is
// read back can be held against the one that was wanted without a look at expressions,
// which the kernel gives back in another form.
func (r Rule) stamp() []byte {
	sum := sha256.Sum256([]byte(r.String()))
	return sum[:8]
}

// userData returns what is kept with a rule: its comment, if any, and its stamp.
func (r Rule) userData() []byte {
	var out []byte
	if r.Comment != "" {
		out = userdata.AppendString(out, userdata.TypeComment, r.Comment)
	}
	return userdata.Append(out, typeStamp, r.stamp())
}

// whole reports whether a rule of the kernel is the one that is wanted.
func (r Rule) whole(have *nftables.Rule) bool {
	return sound(have.UserData) && slices.Equal(userdata.Get(have.UserData, typeStamp), r.stamp())
}

// sound reports whether user data is a list of entries as userdata reads it, which does
// not check lengths: what others wrote may be anything.
func sound(data []byte) bool {
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(data[1]) {
			return false
		}
		data = data[2+int(data[1]):]
	}
	return true
}

// Holding says how the kernel's tables are, as Look finds them.
type Holding struct {
	// Table is what is wrong with our own table; empty if it is as wanted.
	Table string
	// Chains are the chains of others that lack rules by which they let our bridges
	// through, or that have such rules and should not: "chain FORWARD of table filter".
	// Those of tables that only their owner may change are not among them.
	Chains []string
}

// Whole reports whether nothing is wrong.
func (h Holding) Whole() bool { return h.Table == "" && len(h.Chains) == 0 }

// Look compares the kernel's tables with r, and the chains of others with what Coexist
// of these bridges makes of them. It changes nothing.
func (k *Kernel) Look(r Ruleset, bridges []Bridge) (out Holding, err error) {
	err = k.amongOthers(func(c *nftables.Conn) error {
		out = Holding{}
		chains, err := c.ListChainsOfTableFamily(nftables.TableFamilyUnspecified)
		if err != nil {
			return fmt.Errorf("list nftables chains: %w", err)
		}
		for family, want := range map[nftables.TableFamily][]Chain{nftables.TableFamilyIPv4: r.Chains, nftables.TableFamilyIPv6: r.Chains6} {
			wrong, err := differs(c, ofTable(chains, family, r.Table), want)
			if err != nil {
				return err
			}
			out.Table = max(out.Table, wrong)
		}
		changes, err := changesFor(c, chains, r.Table, bridges)
		for _, ch := range changes {
			if !ch.owned {
				out.Chains = append(out.Chains, ch.String())
			}
		}
		return err
	})
	return out, err
}

func ofTable(chains []*nftables.Chain, family nftables.TableFamily, table string) map[string]*nftables.Chain {
	out := map[string]*nftables.Chain{}
	for _, c := range chains {
		if c.Table.Family == family && c.Table.Name == table {
			out[c.Name] = c
		}
	}
	return out
}

// differs says how a table differs from the chains that it should have; empty if it does not.
func differs(c *nftables.Conn, have map[string]*nftables.Chain, want []Chain) (string, error) {
	if len(have) == 0 && len(want) > 0 {
		return "the table is gone", nil
	}
	if len(have) != len(want) {
		return "chains are gone or added", nil
	}
	for _, w := range want {
		h := have[w.Name]
		if h == nil || !w.sameHook(h) {
			return "chain " + w.Name + " is gone or another one", nil
		}
		rules, err := c.GetRules(h.Table, h)
		if err != nil {
			return "", fmt.Errorf("read chain %s: %w", w.Name, err)
		}
		if !slices.EqualFunc(w.Rules, rules, Rule.whole) {
			return "rules of chain " + w.Name + " are gone or changed", nil
		}
	}
	return "", nil
}

// sameHook reports whether a chain of the kernel sits where c should.
func (c Chain) sameHook(have *nftables.Chain) bool {
	if c.Hook == "" {
		return have.Hooknum == nil
	}
	return have.Hooknum != nil && *have.Hooknum == *hook(c.Hook) &&
		have.Priority != nil && int32(*have.Priority) == c.Priority && string(have.Type) == c.Type &&
		(have.Policy == nil || *have.Policy == nftables.ChainPolicyAccept)
}
