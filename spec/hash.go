package spec

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// hashVersion names the list of fields that Hash covers and how they are written.
const hashVersion = "v1"

// Hash sums up the fields whose change needs a new container, as "v1:" and 64
// hex digits. Hashes of different versions say nothing about one another.
func (s *Service) Hash() string {
	sum := sha256.New()
	for _, f := range fields() {
		if f.class != recreate {
			continue
		}
		f.flatten(s, func(path, text string) {
			// Lengths first: no two lists of parts give the same bytes.
			_, _ = fmt.Fprintf(sum, "%d:%s%d:%s", len(path), path, len(text), text)
		})
	}
	return hashVersion + ":" + hex.EncodeToString(sum.Sum(nil))
}

// DiffRecreate lists the changes that need a new container, sorted by field.
// It is empty exactly when the hashes are equal.
func DiffRecreate(old, now *Service) []Change { return diff(old, now, recreate) }

// DiffLive lists the changes that need no new container, sorted by field.
func DiffLive(old, now *Service) []Change { return diff(old, now, live) }

func diff(old, now *Service, want class) []Change {
	var changes []Change
	for _, f := range fields() {
		if f.class != want {
			continue
		}
		changes = append(changes, differences(parts(f, old), parts(f, now))...)
	}
	return byField(changes)
}

// DiffPairs lists the changes of names and values below a field, sorted.
func DiffPairs(field string, old, now []Pair) []Change {
	named := func(list []Pair) map[string]string {
		m := map[string]string{}
		for _, p := range list {
			m[field+"."+p.Name] = p.Value
		}
		return m
	}
	return byField(differences(named(old), named(now)))
}

func byField(changes []Change) []Change {
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Field, b.Field) })
	return changes
}

func differences(before, after map[string]string) (changes []Change) {
	for path, text := range before {
		if next, ok := after[path]; !ok || next != text {
			changes = append(changes, change(path, text, next))
		}
	}
	for path, text := range after {
		if _, ok := before[path]; !ok {
			changes = append(changes, change(path, "", text))
		}
	}
	return changes
}

func parts(f field, s *Service) map[string]string {
	m := map[string]string{}
	f.flatten(s, func(path, text string) { m[path] = text })
	return m
}

func change(path, old, now string) Change {
	secret := LooksSecret(path) || strings.HasPrefix(path, "configs.") || holdsLogin(old) || holdsLogin(now)
	return Change{Field: path, Old: old, New: now, Secret: secret}
}
