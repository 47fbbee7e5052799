package ctrd

import (
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/typeurl/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/internal/labels"
)

func img(name, content string) images.Image {
	return images.Image{Name: name, Target: ocispec.Descriptor{Digest: digest.FromString(content)}}
}

func TestUnusedImages(t *testing.T) {
	bare := "docker.io/library/app@" + digest.FromString("bare").String()
	named := "docker.io/library/app@" + digest.FromString("both").String()
	list := []images.Image{
		img("docker.io/library/app:1", "one"), img("docker.io/library/app:alias", "one"),
		img("docker.io/library/web:1", "two"), img("localhost:5000/web:moved", "moved"),
		img(bare, "bare"), img(named, "both"), img("docker.io/library/app:both", "both"),
		img("no image's name", "odd"),
	}
	mounts, err := stored{Mounted: map[string]string{"docker.io/library/app:1": digest.FromString("two").String()}}.marshal()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		used []containers.Container
		all  bool
		want []string
	}{
		{"without a tag", nil, false, []string{bare}},
		{"without a tag, but used", []containers.Container{{Image: bare}}, false, nil},
		{"all", nil, true, []string{
			"docker.io/library/app:1", "docker.io/library/app:alias", "docker.io/library/web:1", "localhost:5000/web:moved",
			bare, named, "docker.io/library/app:both", "no image's name",
		}},
		{"other names of what is used stay", []containers.Container{{Image: "docker.io/library/app:1"}, {Image: "docker.io/library/app:both"}, {Image: bare}}, true, []string{
			"docker.io/library/web:1", "localhost:5000/web:moved", "no image's name",
		}},
		{"mounted, under a tag that has moved since", []containers.Container{{Extensions: map[string]typeurl.Any{extensionKey: mounts}}}, true, []string{
			"localhost:5000/web:moved", bare, named, "docker.io/library/app:both", "no image's name",
		}},
		{"a tag that has moved since", []containers.Container{{
			Image: "localhost:5000/web:moved", Labels: map[string]string{labels.Digest: digest.FromString("two").String()},
		}}, true, []string{
			"docker.io/library/app:1", "docker.io/library/app:alias", bare, named, "docker.io/library/app:both", "no image's name",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, i := range unused(list, tt.used, tt.all) {
				got = append(got, i.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFreed(t *testing.T) {
	a, b := img("a:1", "a"), img("b:1", "b")
	da, db := a.Target.Digest.String(), b.Target.Digest.String()
	before := map[string]int64{da: 10, db: 20, "layer a": 100, "layer both": 1000}
	after := map[string]int64{db: 20, "layer both": 1000, "layer new": 5000} // b has another name; a pull went on
	deleted, size := freed(before, after, []images.Image{a, b, a, img("c:1", "never here")})
	if diff := cmp.Diff([]string{da}, deleted); diff != "" || size != 110 {
		t.Errorf("freed %d, -want +got:\n%s", size, diff)
	}
}

func TestParseTag(t *testing.T) {
	for in, want := range map[string]string{
		"web":                   "docker.io/library/web:latest",
		"localhost:5000/web":    "localhost:5000/web:latest",
		"registry.test/a/web:2": "registry.test/a/web:2",
	} {
		if got, err := parseTag(in); got != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "Web", "web:", "a b", "web@" + digest.FromString("x").String(), "web:1@" + digest.FromString("x").String()} {
		if got, err := parseTag(in); err == nil {
			t.Errorf("%q was taken: %s", in, got)
		}
	}
}
