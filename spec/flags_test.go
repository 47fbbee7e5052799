package spec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlags(t *testing.T) {
	st := &Stack{Volumes: []Volume{{Key: "data", Name: "shop_data"}}}
	v := Service{Mounts: []Mount{{Type: MountTmpfs, Target: "/a"}}, Ports: []Port{{Target: 1, Protocol: "tcp"}}}
	f := Flags{Ports: []string{"127.0.0.1:8080:80/udp"}, Volumes: []string{"./x:/a:ro", "data:/d"}, CapAdd: []string{"net_admin"}, Dir: "/here"}
	if err := f.Over(st, &v); err != nil {
		t.Fatal(err)
	}
	want := Service{
		Mounts: []Mount{
			{Type: MountBind, Source: "/here/x", Target: "/a", ReadOnly: true, CreateHostPath: true},
			{Type: MountVolume, Source: "data", Target: "/d"},
		},
		Ports:    []Port{{Target: 1, Protocol: "tcp"}, {HostIP: "127.0.0.1", HostPort: 8080, HostPortEnd: 8080, Target: 80, Protocol: "udp"}},
		Security: Security{CapAdd: []string{"CAP_NET_ADMIN"}},
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFlagsRefused(t *testing.T) {
	for _, tt := range []struct {
		flags Flags
		want  string
	}{
		{Flags{Ports: []string{"x:y"}}, `flag.publish: "x:y" is not a port`},
		{Flags{Ports: []string{"80:99999999"}}, `is not a port`},
		{Flags{Volumes: []string{"none:/d"}}, "no volume none is defined"},
		{Flags{Volumes: []string{""}}, `is not a volume`},
		{Flags{CapDrop: []string{"fly"}}, `"fly" is not a capability of Linux`},
	} {
		if err := tt.flags.Over(&Stack{}, &Service{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.flags, err, tt.want)
		}
	}
}

func TestWords(t *testing.T) {
	got, err := Words(`sh -c "a 'b' $X" ''`)
	if diff := cmp.Diff([]string{"sh", "-c", "a 'b' $X", ""}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := Words(""); err != nil || got == nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Words(`"open`); err == nil {
		t.Error("an open quote is no error")
	}
}
