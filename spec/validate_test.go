package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"stackup.dev/stackup/spec"
)

// TestValidateAfterAChange: a Stack that was changed after Load, by --scale
// for instance, is checked without files.
func TestValidateAfterAChange(t *testing.T) {
	const file = `services:
  a: {image: x, ports: ["8080:80"], container_name: one, volumes: ["vol:/v"]}
  b: {image: x, depends_on: [a], ports: ["8081-8082:80"]}
volumes:
  vol: {}
`
	port := "services.a.ports: 2 containers cannot share the host port 8080 (publish a range of at least that many ports, or leave the host port out)"
	cases := map[string]struct {
		change func(*spec.Stack)
		want   []string
	}{
		"nothing": {func(*spec.Stack) {}, nil},
		"scale": {func(s *spec.Stack) { s.Service("a").Replicas = 2 }, []string{
			"services.a.container_name: several containers cannot have the one name one (leave container_name out)", port,
		}},
		"scale in a range": {func(s *spec.Stack) { s.Service("b").Replicas = 2 }, nil},
		"scale to none":    {func(s *spec.Stack) { s.Service("a").Replicas = 0 }, nil},
		"cycle": {func(s *spec.Stack) {
			s.Service("a").DependsOn = []spec.Dependency{{Service: "b", Condition: spec.Healthy}}
		}, []string{"services.a.depends_on.b: dependency cycle: a -> b -> a"}},
		"references": {func(s *spec.Stack) {
			s.Volumes, s.Networks = nil, nil
			s.Service("b").DependsOn[0].Service = "gone"
		}, []string{
			"services.a.networks.default: no network default is defined at the top level",
			"services.a.volumes: no volume vol is defined at the top level",
			"services.b.depends_on.gone: no service gone is defined",
			"services.b.networks.default: no network default is defined at the top level",
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := mustLoad(t, file)
			c.change(s)
			var got []string
			for _, e := range spec.Validate(s) {
				got = append(got, e.Error())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
