package main

import (
	"os"
	"testing"

	"stackup.dev/stackup/internal/app"
)

func TestSidesOfACopy(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		src, dst string
		want     app.Copying
		err      string
	}{
		{"web:/etc/x", ".", app.Copying{Service: "web", Inside: "/etc/x", Outside: here + "/."}, ""},
		{"a/.", "web:b", app.Copying{Service: "web", Inside: "b", Outside: here + "/a/.", Into: true}, ""},
		{"./a:b", "web:b:c", app.Copying{Service: "web", Inside: "b:c", Outside: here + "/./a:b", Into: true}, ""},
		{"/a:b/", "web:b", app.Copying{Service: "web", Inside: "b", Outside: "/a:b/", Into: true}, ""},
		{"a:/x", "b:/y", app.Copying{}, "copying between services is not supported: copy to this machine first"},
		{"a", "b", app.Copying{}, "neither side names a service, as SERVICE:PATH"},
		{"a:", "b", app.Copying{}, `no path is given after "a:"`},
	} {
		var p app.Copying
		err := sides(&p, tt.src, tt.dst)
		if text := errText(err); text != tt.err || err == nil && p != tt.want {
			t.Errorf("cp %s %s: %+v, %v", tt.src, tt.dst, p, err)
		}
	}
	var p app.Copying
	if err := sides(&p, "-", "web:/"); err != nil || p.Outside != "" || p.Archive == nil {
		t.Errorf("an archive: %+v, %v", p, err)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
