package nat

import (
	"fmt"
	"strings"
)

// String gives the table as nft(8) reads and lists it.
func (r Ruleset) String() string {
	text := table("ip", r.Table, r.Chains)
	if len(r.Chains6) > 0 {
		text += table("ip6", r.Table, r.Chains6)
	}
	return text
}

func table(family, name string, chains []Chain) string {
	var b strings.Builder
	fmt.Fprintf(&b, "table %s %s {\n", family, name)
	for _, c := range chains {
		fmt.Fprintf(&b, "\tchain %s {\n", c.Name)
		if c.Hook != "" {
			fmt.Fprintf(&b, "\t\ttype %s hook %s priority %d; policy accept;\n", c.Type, c.Hook, c.Priority)
		}
		for _, rule := range c.Rules {
			fmt.Fprintf(&b, "\t\t%s\n", rule)
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// String gives the rule as nft writes it.
func (r Rule) String() string {
	words := make([]string, 0, len(r.Terms)+1)
	for _, t := range r.Terms {
		words = append(words, t.String())
	}
	if r.Comment != "" {
		words = append(words, fmt.Sprintf("comment %q", r.Comment))
	}
	return strings.Join(words, " ")
}
