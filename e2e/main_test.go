//go:build e2e

// Package e2e runs the built program against real engines, as a user would:
// real containers, real networks, real ports. It knows the program by its
// command line only.
package e2e

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"stackup.dev/stackup/internal/dev/ocipack"
)

var (
	repo         string // this checkout
	stackup      string // the program under test
	rpcfault     string // kills a caller at its Nth call
	busyboxImage string // archive of busyboxRef
	nginxImage   string // archive of docker.io/library/nginx
)

// busyboxRef is the image of most scenarios: one static program.
const busyboxRef = "stackup.test/busybox:1"

func TestMain(m *testing.M) { os.Exit(mainCode(m)) }

func mainCode(m *testing.M) int {
	tmp, err := os.MkdirTemp("", "e2e-")
	if err == nil {
		defer os.RemoveAll(tmp)
		err = prepare(tmp)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	code := m.Run()
	if err := spends.save(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

func prepare(tmp string) (err error) {
	if os.Geteuid() != 0 {
		return fmt.Errorf("containers need root")
	}
	if repo, err = filepath.Abs(".."); err != nil {
		return err
	}
	stackup = cmp.Or(os.Getenv("E2E_STACKUP"), filepath.Join(repo, "bin/stackup"))
	nginxImage = filepath.Join(repo, "build/nginx-image.tar")
	for _, f := range []string{stackup, nginxImage} {
		if _, err := os.Stat(f); err != nil {
			return fmt.Errorf("%w (run make e2e)", err)
		}
	}
	if err := buildFault(tmp); err != nil {
		return err
	}
	if busyboxImage = os.Getenv("E2E_BUSYBOX"); busyboxImage == "" {
		busyboxImage = filepath.Join(tmp, "busybox.tar")
	}
	if _, err := os.Stat(busyboxImage); err == nil {
		return nil // packed by the process that has listed the tests
	}
	return packBusybox(busyboxImage)
}

// buildFault makes rpcfault, unless it is made: a machine may have no Go.
func buildFault(tmp string) error {
	if rpcfault = os.Getenv("E2E_RPCFAULT"); rpcfault != "" {
		return nil
	}
	rpcfault = filepath.Join(tmp, "rpcfault")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", rpcfault, "./rpcfault").CombinedOutput(); err != nil {
		return fmt.Errorf("build rpcfault: %w\n%s", err, out)
	}
	return nil
}

// packBusybox makes an image of Debian's busybox-static.
func packBusybox(path string) error {
	bin, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return err
	}
	files := []ocipack.File{
		{Name: "bin/", Mode: 0o755},
		{Name: "etc/", Mode: 0o755},
		{Name: "tmp/", Mode: 0o777},
		{Name: "www/", Mode: 0o755},
		{Name: "bin/busybox", Mode: 0o755, Data: bin},
		{Name: "etc/passwd", Mode: 0o644, Data: []byte("root:x:0:0:root:/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n")},
		{Name: "etc/group", Mode: 0o644, Data: []byte("root:x:0:\napp:x:1000:\nextra:x:2000:app\n")},
		{Name: "www/index.html", Mode: 0o644, Data: []byte("hello from busybox\n")},
	}
	for _, applet := range []string{"sh", "cat", "sleep", "httpd", "wget", "ls", "id", "env", "echo", "nc", "hostname", "true", "false", "yes", "head", "dd", "touch", "date", "trap", "kill", "grep", "nslookup", "ps", "mount"} {
		files = append(files, ocipack.File{Name: "bin/" + applet, Link: "busybox", Mode: 0o777})
	}
	layer, err := ocipack.Files(files...)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return ocipack.Pack(f, ocipack.Image{
		Ref: busyboxRef, Layers: []io.Reader{layer},
		Config: v1.ImageConfig{Env: []string{"PATH=/bin"}, Cmd: []string{"sleep", "100000"}},
	})
}
