package bridge

import (
	"regexp"
	"testing"
)

func TestNamesAreLinkNames(t *testing.T) {
	form := regexp.MustCompile(`^s[uv][a-z2-7]{12}$`)
	seen := map[string]string{}
	for what, name := range map[string]string{
		"network":         Name("/var/lib/stackup", "shop_default"),
		"another network": Name("/var/lib/stackup", "shop_back"),
		"another world":   Name("/tmp/root", "shop_default"),
		"parts joined":    Name("/tmp/rootshop", "_default"),
		"attachment":      VethName("su1", "web1", "eth0"),
		"other interface": VethName("su1", "web1", "eth1"),
		"other container": VethName("su1", "web2", "eth0"),
		"other bridge":    VethName("su2", "web1", "eth0"),
	} {
		if !form.MatchString(name) || len(name) > 15 {
			t.Errorf("%s: %q is not of the form", what, name)
		}
		if other, twice := seen[name]; twice {
			t.Errorf("%s and %s have the same name", what, other)
		}
		seen[name] = what
	}
}
