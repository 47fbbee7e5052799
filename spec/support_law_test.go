package spec

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestEveryPropertyIsHonouredOrRefused: a property of the schema without a row
// is one that nobody has decided about; a row without a property is a typo.
func TestEveryPropertyIsHonouredOrRefused(t *testing.T) {
	w := newSchemaWalk(t)
	if len(w.found) < 700 {
		t.Fatalf("only %d properties found: the walk is broken", len(w.found))
	}
	r := newRefuser(nil, nil, nil)
	for path, p := range w.found {
		if _, ok := governing(r.rows, r.below, p.steps); !ok {
			t.Errorf("%s: no row says whether it is honoured", path)
		}
	}
	seen := map[string]bool{}
	for _, row := range supportTable() {
		if _, ok := w.found[row.path]; !ok {
			t.Errorf("%s: not a property of the schema", row.path)
		}
		if seen[row.path] {
			t.Errorf("%s: two rows", row.path)
		}
		seen[row.path] = true
	}
}

// leafValue is a value for properties whose generated one means nothing, or
// means the default. The last key decides, wherever it stands.
func leafValue(path string) (any, bool) {
	values := map[string]any{
		"attach": false, "enable_ipv4": false, "target": "/x", "propagation": "shared", "cpus": "0.5",
		"cpu_count": 1, "cpu_percent": 1, "oom_score_adj": 1, "network_mode": "host", "pull_policy": "always",
		"weight": 100, "triggers": map[string]any{"manual": true},
	}
	v, ok := values[path[strings.LastIndexByte(path, '.')+1:]]
	if strings.HasSuffix(path, "ports.[].target") {
		return 80, true
	}
	return v, ok
}

// whereItStands is a row's path with the steps that lead to it, where those are
// of something that is like a service.
func whereItStands(row string, steps []string) string {
	for i := range steps {
		if own := strings.Join(steps[:i], "."); likeService(own) && !strings.HasPrefix(row, own) {
			return own + strings.TrimPrefix(row, "services.*")
		}
	}
	return row
}

// TestRefusedPropertiesAreRefusedByName uses every property of the schema that
// a refused row governs, in a stack file of its own, and wants the answer to
// name the row's attribute with line and column.
func TestRefusedPropertiesAreRefusedByName(t *testing.T) {
	w := newSchemaWalk(t)
	r := newRefuser(nil, nil, nil)
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	refused := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(w.found)) {
		p := w.found[path]
		row, ok := governing(r.rows, r.below, p.steps)
		if !ok || !row.refused {
			continue
		}
		refused[row.path] = true
		leaf, ok := leafValue(path)
		if !ok {
			leaf = w.value(p.node)
		}
		doc, _ := w.build(w.root, p.steps, leaf).(map[string]any)
		wantRefusal(t, dir, path, whereItStands(row.path, p.steps), complete(doc))
	}
	for _, row := range supportTable() {
		if row.refused && !refused[row.path] {
			t.Errorf("%s: no property was tried", row.path)
		}
	}
}

// complete adds what a stack file needs around the property under test.
func complete(doc map[string]any) map[string]any {
	services, _ := doc["services"].(map[string]any)
	if services == nil {
		services = map[string]any{}
		doc["services"] = services
	}
	web, _ := services["web"].(map[string]any)
	if web == nil {
		web = map[string]any{}
		services["web"] = web
	}
	web["image"] = "x"
	if job, ok := at(doc, "jobs", "web").(map[string]any); ok && job["triggers"] == nil {
		job["triggers"] = map[string]any{"manual": true}
	}
	for _, key := range []string{"configs", "secrets"} {
		if m, ok := at(doc, key, "web").(map[string]any); ok && !hasAny(m, "file", "environment", "content", "external") {
			m["file"] = "x"
		}
	}
	if ports, ok := web["ports"].([]any); ok {
		ports[0].(map[string]any)["target"] = 80
	}
	fillLists(doc)
	return doc
}

// fillLists gives the entries of volumes and devices, wherever they stand,
// what makes them whole.
func fillLists(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			fillLists(e)
		}
	case map[string]any:
		for key, sub := range v {
			list, _ := sub.([]any)
			for _, e := range list {
				m, ok := e.(map[string]any)
				if ok && key == "volumes" {
					m["type"], m["target"] = "tmpfs", "/x"
				}
				if ok && key == "devices" && m["target"] == nil && m["driver"] == nil && m["capabilities"] == nil {
					m["target"] = "/dev/x"
				}
			}
			fillLists(sub)
		}
	}
}

func at(doc map[string]any, keys ...string) any {
	var v any = doc
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

func hasAny(m map[string]any, keys ...string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { _, ok := m[k]; return ok })
}

func wantRefusal(t *testing.T, dir, path, row string, doc map[string]any) {
	t.Helper()
	data, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "stack.yaml"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Load(t.Context(), Options{WorkingDir: dir})
	named := strings.ReplaceAll(strings.ReplaceAll(row, ".[]", "[0]"), "*", "web")
	if err == nil {
		t.Errorf("%s: accepted\n%s", path, data)
		return
	}
	want := fmt.Sprintf(": %s: not ", named) // supported yet, or possible here
	for _, line := range strings.Split(err.Error(), "\n") {
		var l, c int
		place, _, ok := strings.Cut(line, want)
		if _, scan := fmt.Sscanf(place, "stack.yaml:%d:%d", &l, &c); ok && scan == nil && l > 0 && c > 0 {
			return
		}
	}
	t.Errorf("%s: want %q with its place, got:\n%v\n%s", path, want, err, data)
}

// TestDefaultsMayBeWrittenDown: a value that says what stackup does anyway is
// no reason to refuse a file.
func TestDefaultsMayBeWrittenDown(t *testing.T) {
	w := newSchemaWalk(t)
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, row := range supportTable() {
		for _, value := range row.allowed {
			doc, _ := w.build(w.root, w.found[row.path].steps, value).(map[string]any)
			if mounts, ok := at(complete(doc), "services", "web", "volumes").([]any); ok {
				m := mounts[0].(map[string]any)
				m["type"], m["source"] = "bind", "/x"
			}
			data, err := yaml.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "stack.yaml"), data, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(t.Context(), Options{WorkingDir: dir}); err != nil && (strings.Contains(err.Error(), "not supported yet") || strings.Contains(err.Error(), "not possible here")) {
				t.Errorf("%s = %v: %v\n%s", row.path, value, err, data)
			}
		}
	}
}
